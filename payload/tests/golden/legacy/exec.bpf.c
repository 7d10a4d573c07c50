// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* The object inside the golden legacy documents: two programs, a ring, a constant, a counter. */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u32 pid;
	__u32 exit;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} rb SEC(".maps");

const volatile __u32 only_pid = 0;
__u64 seen = 0;

struct event *unused_event __attribute__((unused));

static int report(__u32 exit)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct event *e;

	if (only_pid && pid != only_pid)
		return 0;
	e = bpf_ringbuf_reserve(&rb, sizeof(*e), 0);
	if (!e)
		return 0;
	__sync_fetch_and_add(&seen, 1);
	e->pid = pid;
	e->exit = exit;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp/sched/sched_process_exec")
int handle_exec(void *ctx)
{
	return report(0);
}

SEC("tp/sched/sched_process_exit")
int handle_exit(void *ctx)
{
	return report(1);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
