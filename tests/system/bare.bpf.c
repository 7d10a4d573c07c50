// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* No map at all: the predecessor refused it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tracepoint/sched/sched_process_exec")
int handle_exec(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
