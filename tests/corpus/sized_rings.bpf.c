// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names that say nothing: which ring carries which struct shows in the sizes that are put in. */
#include "case.h"

LICENSED;

struct small {
	__u32 pid;
};

struct large {
	__u64 ns;
	char comm[16];
};

struct small *unused_one __attribute__((unused));
struct large *unused_two __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} alpha SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} beta SEC(".maps");

HOOK int started(void *ctx)
{
	struct large *large = bpf_ringbuf_reserve(&alpha, sizeof(*large), 0);

	if (!large)
		return 0;
	large->ns = bpf_ktime_get_ns();
	bpf_get_current_comm(large->comm, sizeof(large->comm));
	bpf_ringbuf_submit(large, 0);
	return 0;
}

SEC("tracepoint/sched/sched_process_exit") int ended(void *ctx)
{
	struct small small = {.pid = bpf_get_current_pid_tgid() >> 32};

	bpf_ringbuf_output(&beta, &small, sizeof(small), 0);
	return 0;
}
