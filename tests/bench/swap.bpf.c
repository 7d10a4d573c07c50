// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The payload of `bench swap`: two hooks, each of which reports every marked call once. */
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../../bpf/include/kernel.bpf.h"
#include "../../bpf/include/emit.bpf.h"
#include "swap.h"

EMITS(struct event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} events SEC(".maps");

/* Two builds are two objects, as two versions are. */
const int build __attribute__((used)) = BUILD;

static __always_inline int report(__u64 number, enum hook hook)
{
	struct event *event;

	if (number >> MARK_SHIFT != SWAP_MARK)
		return 0;
	event = emit_reserve(&events, struct event);
	if (!event)
		return 0;
	event->call = number & ((1ULL << THREAD_SHIFT) - 1);
	event->thread = number >> THREAD_SHIFT & 0xff;
	event->hook = hook;
	emit_submit(event);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_lseek")
int enter(struct trace_event_raw_sys_enter *ctx)
{
	return report(ctx->args[1], ENTER);
}

/* The call answers with the offset that it was given. */
SEC("tracepoint/syscalls/sys_exit_lseek")
int leave(struct trace_event_raw_sys_exit *ctx)
{
	return report(ctx->ret, LEAVE);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
