// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Numbers the runs of each command in a map that is to go on; WIDE counts in another struct,
 * NARROW in one whose count is too small for what was counted.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "emit.bpf.h"

/* clang 14 has no fetch of 32 bits. */
#ifdef NARROW
#define COUNT __u32
#define NEXT(count) (*(count))++
#else
#define COUNT __u64
#define NEXT(count) __sync_fetch_and_add(count, 1)
#endif

struct name {
	char comm[16];
};

struct count {
#if defined(WIDE) || defined(NARROW)
	__u32 last_pid;
#endif
	COUNT runs;
};

struct event {
	__u64 runs;
	struct name name;
};

EMITS(struct event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} rb SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 14);
	__type(key, struct name);
	__type(value, struct count);
} counts SEC(".maps");

SEC("tracepoint/sched/sched_process_exec")
int handle_exec(void *ctx)
{
	struct count first = {};
	struct name name = {};
	struct count *count;
	struct event *event;

	bpf_get_current_comm(name.comm, sizeof(name.comm));
	bpf_map_update_elem(&counts, &name, &first, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&counts, &name);
	event = emit_reserve(&rb, struct event);
	if (!event)
		return 0;
	event->runs = count ? NEXT(&count->runs) : 0;
	event->name = name;
	emit_submit(event);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
