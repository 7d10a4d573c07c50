// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A perf buffer alone: each failing lseek of a known number is a record. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* No lseek takes it: the call does nothing and fails. */
#define WHENCE 81

/* Laid out by the kernel (struct trace_event_raw_sys_enter). */
struct enter_context {
	__u64 unused;
	__s64 id;
	__u64 args[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
} calls SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_lseek") int call(struct enter_context *ctx)
{
	__u64 number = ctx->args[1];

	if ((__u32)ctx->args[2] == WHENCE)
		bpf_perf_event_output(ctx, &calls, BPF_F_CURRENT_CPU, &number, sizeof(number));
	return 0;
}
