// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two structs in one ring: which one a record holds cannot be told, so it is shown as bytes. */
#include "case.h"

LICENSED;

struct start_event {
	__u32 pid;
};

struct end_event {
	__u32 pid;
	__u32 code;
};

struct start_event *unused_start __attribute__((unused));
struct end_event *unused_end __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

HOOK int started(void *ctx)
{
	struct start_event event = {.pid = bpf_get_current_pid_tgid() >> 32};

	bpf_ringbuf_output(&events, &event, sizeof(event), 0);
	return 0;
}

SEC("tracepoint/sched/sched_process_exit") int ended(void *ctx)
{
	struct end_event event = {.pid = bpf_get_current_pid_tgid() >> 32};

	bpf_ringbuf_output(&events, &event, sizeof(event), 0);
	return 0;
}
