// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The second version: its struct has other fields at other places, and it counts in another map. */
struct event {
	unsigned int version;
	int hook;
	char padding[40];
	unsigned int thread;
	unsigned long long seq;
};

#include "live.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} by_hook SEC(".maps");

static void report(enum hook hook, __u64 seq)
{
	struct event *event = emit_reserve(&events, struct event);
	__u32 key = hook;
	__u64 one = 1, *count;

	if (!event)
		return;
	event->version = 2;
	event->hook = hook;
	__builtin_memset(event->padding, 0, sizeof(event->padding));
	event->thread = (__u32)bpf_get_current_pid_tgid();
	event->seq = seq;
	emit_submit(event);
	count = bpf_map_lookup_elem(&by_hook, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&by_hook, &key, &one, BPF_ANY);
}
