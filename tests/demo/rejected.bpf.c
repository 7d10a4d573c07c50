// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A version of execsnoop that compiles and that the verifier must reject: `cargo xtask demo`. */
#include "../../bpf/execsnoop/execsnoop.bpf.c"

SEC("tracepoint/sched/sched_process_fork")
int handle_fork_wrongly(void *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u32 *count = bpf_map_lookup_elem(&forks, &pid);

	/* The map may have no such key: count may be NULL. */
	return *count;
}
