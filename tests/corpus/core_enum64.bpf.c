// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A name whose value takes more than 32 bits, in kernels whose BTF can say so. */
#include "case.h"

LICENSED;

enum perf_callchain_context { PERF_CONTEXT_USER = 1, PERF_CONTEXT_NO_SUCH = 2 };

__u64 out[2];

HOOK int ask(void *ctx)
{
	out[0] = bpf_core_enum_value(enum perf_callchain_context, PERF_CONTEXT_USER);
	out[1] = bpf_core_enum_value_exists(enum perf_callchain_context, PERF_CONTEXT_NO_SUCH);
	return 0;
}
