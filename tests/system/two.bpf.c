// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Version 2: another struct, one map and one program more, which the predecessor refused. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "emit.bpf.h"

enum kind { EXEC = 1, EXIT = 2 };

struct event {
	__u64 seen;
	enum kind kind;
	__u32 pid;
	char comm[16];
};

EMITS(struct event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} rb SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static __always_inline int emit(enum kind kind)
{
	__u32 slot = kind - 1;
	__u64 *count = bpf_map_lookup_elem(&seen, &slot);
	struct event *event = emit_reserve(&rb, struct event);

	if (!event)
		return 0;
	event->seen = count ? __sync_fetch_and_add(count, 1) : 0;
	event->kind = kind;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	emit_submit(event);
	return 0;
}

SEC("tracepoint/sched/sched_process_exec")
int handle_exec(void *ctx)
{
	return emit(EXEC);
}

SEC("tracepoint/sched/sched_process_exit")
int handle_exit(void *ctx)
{
	return emit(EXIT);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
