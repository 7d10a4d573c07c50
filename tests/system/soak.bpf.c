// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The counts of migrate.bpf.c, and beside them a report of every call of lseek(-1, SEQ, 79). A test
 * puts another number in place of `build`, so that it has as many objects as it wants.
 */
#include "migrate.bpf.c"
#include "emit.bpf.h"

#define REPORTED 79

struct event {
	__u64 seq;
	__u32 thread;
};

EMITS(struct event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} reports SEC(".maps");

const char build[8] __attribute__((used)) = "marrow/b";

SEC("tracepoint/syscalls/sys_enter_lseek")
int report(struct call *call)
{
	struct event *event;

	if ((__s32)call->fd != CALLED || (__s32)call->whence != REPORTED)
		return 0;
	event = emit_reserve(&reports, struct event);
	if (!event)
		return 0;
	event->seq = call->number;
	event->thread = bpf_get_current_pid_tgid();
	emit_submit(event);
	return 0;
}
