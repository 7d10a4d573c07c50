// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reports every call of lseek(-1, SEQ, 83), each with the version of the object. A test puts
 * another number in place of `build`.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "emit.bpf.h"

#define CALLED (-1)
#define REPORTED 83

struct event {
	__u64 version;
	__u64 seq;
	__u64 thread;
};

EMITS(struct event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	/* For several seconds: a grace period is as long where the machine has no time. */
	__uint(max_entries, 1 << 23);
} reports SEC(".maps");

/* How often each thread was reported. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u64);
	__type(value, __u64);
} counts SEC(".maps");

const volatile char build[8] __attribute__((used)) = "marrow/b";

/* Of the format of syscalls/sys_enter_lseek. */
struct call {
	__u64 common;
	__u64 nr;
	__u64 fd;
	__u64 number;
	__u64 whence;
};

SEC("tracepoint/syscalls/sys_enter_lseek")
int report(struct call *call)
{
	struct event *event;
	__u64 thread = (__u32)bpf_get_current_pid_tgid(), one = 1, *count;

	if ((__s32)call->fd != CALLED || (__s32)call->whence != REPORTED)
		return 0;
	count = bpf_map_lookup_elem(&counts, &thread);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&counts, &thread, &one, BPF_NOEXIST);
	event = emit_reserve(&reports, struct event);
	if (!event)
		return 0;
	event->version = *(const volatile __u64 *)build;
	event->seq = call->number;
	event->thread = thread;
	emit_submit(event);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
