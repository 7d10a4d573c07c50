// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What people run, in small: a relocation, a map that goes on, variables, a ring. It reports every
 * call of lseek(-1, NUMBER, 80); a test puts another number in place of `build`.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "emit.bpf.h"

#define CALLED -1
#define WHENCE 80

struct task_struct {
	int tgid;
} __attribute__((preserve_access_index));

struct call {
	__u64 common;
	__s64 nr;
	__s64 fd;
	__s64 number;
	__s64 whence;
};

struct event {
	__u64 number;
	__u32 process;
};

EMITS(struct event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} growth_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} growth_counts SEC(".maps");

const char build[8] __attribute__((used)) = "marrow/b";
__u64 calls;

SEC("tracepoint/syscalls/sys_enter_lseek")
int growth(struct call *call)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 process = BPF_CORE_READ(task, tgid);
	struct event *event;
	__u64 first = 0, *count;

	if ((__s32)call->fd != CALLED || (__s32)call->whence != WHENCE)
		return 0;
	__sync_fetch_and_add(&calls, 1);
	bpf_map_update_elem(&growth_counts, &process, &first, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&growth_counts, &process);
	if (count)
		__sync_fetch_and_add(count, 1);
	event = emit_reserve(&growth_ring, struct event);
	if (!event)
		return 0;
	event->number = call->number;
	event->process = process;
	emit_submit(event);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
