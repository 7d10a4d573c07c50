// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Compiles, and the verifier must reject it: the map may have no such key. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u32);
} refused_map SEC(".maps");

SEC("tracepoint/sched/sched_process_exec")
int handle_exec(void *ctx)
{
	return 0;
}

SEC("tracepoint/sched/sched_process_exit")
int refused_program(void *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u32 *value = bpf_map_lookup_elem(&refused_map, &pid);

	return *value;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
