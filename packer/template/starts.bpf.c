// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which programs are started: see README.md beside this file. */
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "emit.bpf.h"
#include "event.h"

/* The struct that records are decoded by. */
EMITS(struct event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} events SEC(".maps");

/* Only those of this user; a deployment may set it. */
const volatile __u32 only_uid = -1;

SEC("tracepoint/sched/sched_process_exec")
int on_exec(void *ctx)
{
	__u32 uid = (__u32)bpf_get_current_uid_gid();
	struct event *event;

	if (only_uid != (__u32)-1 && uid != only_uid)
		return 0;
	event = emit_reserve(&events, struct event);
	if (!event)
		return 0;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->uid = uid;
	bpf_get_current_comm(&event->comm, sizeof(event->comm));
	emit_submit(event);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
