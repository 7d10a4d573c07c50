// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who starts programs: see README.md beside this file. */
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "emit.bpf.h"

struct event {
	__u32 pid;
	__u32 uid;
	__u64 cgroup_id;
	char comm[16];
};

EMITS(struct event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} starts SEC(".maps");

SEC("tracepoint/sched/sched_process_exec")
int handle_exec(void *ctx)
{
	struct event *event = emit_reserve(&starts, struct event);

	if (!event)
		return 0;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->uid = (__u32)bpf_get_current_uid_gid();
	event->cgroup_id = bpf_get_current_cgroup_id();
	bpf_get_current_comm(&event->comm, sizeof(event->comm));
	emit_submit(event);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
