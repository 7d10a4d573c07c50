// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two rings and a perf buffer, each with a struct of its own, told apart by their names. */
#include "case.h"

LICENSED;

struct exec_event {
	__u32 pid;
	char comm[16];
};

struct exit_event {
	__u32 pid;
	__u32 code;
};

struct sample {
	__u64 ns;
};

struct exec_event *unused_exec __attribute__((unused));
struct exit_event *unused_exit __attribute__((unused));
struct sample *unused_sample __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} exec_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8192);
} exits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
} samples SEC(".maps");

HOOK int started(void *ctx)
{
	struct exec_event *event = bpf_ringbuf_reserve(&exec_ring, sizeof(*event), 0);
	struct sample sample = {.ns = bpf_ktime_get_ns()};

	bpf_perf_event_output(ctx, &samples, BPF_F_CURRENT_CPU, &sample, sizeof(sample));
	if (!event)
		return 0;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tracepoint/sched/sched_process_exit") int ended(void *ctx)
{
	struct exit_event event = {.pid = bpf_get_current_pid_tgid() >> 32};

	bpf_ringbuf_output(&exits, &event, sizeof(event), 0);
	return 0;
}
