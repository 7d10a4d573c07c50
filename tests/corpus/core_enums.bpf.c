// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names of enumerations: there, renumbered, gone; by tag and by typedef. */
#include "case.h"

LICENSED;

enum pid_type { PIDTYPE_PID = 7, PIDTYPE_NO_SUCH_TYPE = 8 };
enum cpu_usage_stat { CPUTIME_SYSTEM = 77 };

enum hrtimer_mode { HRTIMER_MODE_REL = 3 };
enum bpf_cmd___mine { BPF_MAP_CREATE___mine = 5, BPF_PROG_LOAD___mine = 6 };

__u64 out[8];

HOOK int ask(void *ctx)
{
	out[0] = bpf_core_enum_value_exists(enum pid_type, PIDTYPE_PID);
	out[1] = bpf_core_enum_value(enum pid_type, PIDTYPE_PID);
	out[2] = bpf_core_enum_value_exists(enum pid_type, PIDTYPE_NO_SUCH_TYPE);
	out[3] = bpf_core_enum_value(enum cpu_usage_stat, CPUTIME_SYSTEM);
	out[4] = bpf_core_enum_value(enum hrtimer_mode, HRTIMER_MODE_REL);
	out[5] = bpf_core_enum_value_exists(enum bpf_cmd___mine, BPF_PROG_LOAD___mine);
	out[6] = bpf_core_enum_value(enum bpf_cmd___mine, BPF_PROG_LOAD___mine);
	return 0;
}
