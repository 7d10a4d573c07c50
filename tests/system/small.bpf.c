// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* As `one`, but each event is large and the ring holds two: more of them at once are lost. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "emit.bpf.h"

struct event {
	__u32 pid;
	char comm[16];
	char padding[1900];
};

EMITS(struct event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} rb SEC(".maps");

SEC("tracepoint/sched/sched_process_exec")
int handle_exec(void *ctx)
{
	struct event *event;
	int i;

	for (i = 0; i < 4; i++) {
		event = emit_reserve(&rb, struct event);
		if (!event)
			continue;
		event->pid = bpf_get_current_pid_tgid() >> 32;
		bpf_get_current_comm(event->comm, sizeof(event->comm));
		event->padding[0] = 0;
		emit_submit(event);
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
