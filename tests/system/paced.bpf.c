// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reports each failing lseek of a known number; SLOW takes many times as long for any of them. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "emit.bpf.h"

/* No lseek takes it: the call does nothing and fails. */
#define WHENCE 84
/* Some ten times what a report takes. */
#define LOOPS (1 << 13)

/* Laid out by the kernel (struct trace_event_raw_sys_enter). */
struct enter_context {
	__u64 unused;
	__s64 id;
	__u64 args[6];
};

struct event {
	__u64 number;
};

EMITS(struct event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} calls SEC(".maps");

#ifdef SLOW
static long idle(__u32 index, void *context)
{
	return 0;
}
#endif

SEC("tracepoint/syscalls/sys_enter_lseek")
int call(struct enter_context *ctx)
{
	struct event *event;

#ifdef SLOW
	bpf_loop(LOOPS, idle, NULL, 0);
#endif
	if ((__u32)ctx->args[2] != WHENCE)
		return 0;
	event = emit_reserve(&calls, struct event);
	if (!event)
		return 0;
	event->number = ctx->args[1];
	emit_submit(event);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
