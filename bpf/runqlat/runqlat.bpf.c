// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How long tasks wait for a CPU, as histograms: see README.md beside this file. */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "kernel.bpf.h"
#include "core_fixes.bpf.h"
#include "hist.bpf.h"

#define ANY ((__u32)-1)
/* The last slot begins at 2^26 microseconds, more than a minute. */
#define SLOTS 27

enum group { NONE, PROCESS, THREAD, CGROUP };

const volatile __u32 only_pid = ANY;
const volatile enum group group_by = NONE;

/* Since when each task that can run waits for a CPU, by thread id. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} waiting SEC(".maps");

/* All waits, counted on the CPU that ended them. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} wait_us SEC(".maps") HIST_LOG2;

/* Packed: the kernel compares all bytes of a key, padding too. */
struct group_id {
	enum group group;
	__u64 id;
} __attribute__((packed));

struct waits {
	__u64 wait_us[SLOTS] HIST_LOG2;
	/* The command of the one that was seen first. */
	char comm[16];
};

/* The waits of each process, thread or cgroup; those that waited last are kept. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct group_id);
	__type(value, struct waits);
} groups SEC(".maps");

/* What a new group begins with; too large for the stack. */
static const struct waits no_waits;

static __always_inline int begin(struct task_struct *task)
{
	__u32 tid = task->pid;
	__u64 now;

	/* Thread 0 of each CPU is what runs when nothing else can. */
	if (!tid || (only_pid != ANY && only_pid != task->tgid))
		return 0;
	now = bpf_ktime_get_ns();
	bpf_map_update_elem(&waiting, &tid, &now, BPF_ANY);
	return 0;
}

static __always_inline __u64 id_in_group(struct task_struct *task)
{
	switch (group_by) {
	case PROCESS:
		return task->tgid;
	case THREAD:
		return task->pid;
	default:
		return task->cgroups->dfl_cgrp->kn->id;
	}
}

static __always_inline void count_in_group(struct task_struct *task, __u64 waited_us)
{
	struct group_id group = {.group = group_by, .id = id_in_group(task)};
	struct waits *waits = bpf_map_lookup_elem(&groups, &group);

	if (!waits) {
		bpf_map_update_elem(&groups, &group, &no_waits, BPF_NOEXIST);
		waits = bpf_map_lookup_elem(&groups, &group);
		if (!waits)
			return;
		bpf_probe_read_kernel_str(waits->comm, sizeof(waits->comm), task->comm);
	}
	hist_log2_add(waits->wait_us, waited_us);
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(handle_wakeup, struct task_struct *task)
{
	return begin(task);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(handle_wakeup_new, struct task_struct *task)
{
	return begin(task);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(handle_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u32 tid = next->pid;
	__u64 waited_us, *since;

	/* A task that is preempted on its way to sleep stays able to run. */
	if (preempt || !task_state(prev))
		begin(prev);
	since = bpf_map_lookup_elem(&waiting, &tid);
	if (!since)
		return 0;
	waited_us = (bpf_ktime_get_ns() - *since) / 1000;
	bpf_map_delete_elem(&waiting, &tid);
	hist_map_add(&wait_us, hist_log2_slot(waited_us, SLOTS));
	if (group_by != NONE)
		count_in_group(next, waited_us);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
