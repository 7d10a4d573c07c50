// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The time that each process spends in BPF_PROG_LOAD, which is the verifier's. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "kernel.bpf.h"

struct total {
	__u64 calls;
	__u64 ns;
};

/* By thread. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} since SEC(".maps");

/* By process. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct total);
} totals SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_bpf")
int enter_bpf(struct trace_event_raw_sys_enter *ctx)
{
	__u32 thread = bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();

	if (ctx->args[0] == BPF_PROG_LOAD)
		bpf_map_update_elem(&since, &thread, &now, BPF_ANY);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_bpf")
int exit_bpf(struct trace_event_raw_sys_exit *ctx)
{
	__u64 ids = bpf_get_current_pid_tgid();
	__u32 thread = ids, process = ids >> 32;
	__u64 *begun = bpf_map_lookup_elem(&since, &thread);
	struct total none = {}, *total;

	if (!begun)
		return 0;
	bpf_map_update_elem(&totals, &process, &none, BPF_NOEXIST);
	total = bpf_map_lookup_elem(&totals, &process);
	if (total) {
		__sync_fetch_and_add(&total->calls, 1);
		__sync_fetch_and_add(&total->ns, bpf_ktime_get_ns() - *begun);
	}
	bpf_map_delete_elem(&since, &thread);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
