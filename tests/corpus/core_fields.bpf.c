// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every question about fields that a CO-RE relocation can ask. */
#include "case.h"

LICENSED;

struct list_head {
	struct list_head *next;
} __attribute__((preserve_access_index));

struct callback_head {
	void (*func)(struct callback_head *head);
} __attribute__((preserve_access_index));

struct sched_entity {
	__u64 sum_exec_runtime;
} __attribute__((preserve_access_index));

struct thread_info {
	unsigned long flags;
} __attribute__((preserve_access_index));

struct task_struct {
	struct thread_info thread_info;
	int pid;
	int tgid;
	unsigned int sched_reset_on_fork : 1;
	struct sched_entity se;
	struct task_struct *real_parent;
	struct list_head tasks;
	struct callback_head rcu;
	char comm[16];
} __attribute__((preserve_access_index));

/* A member that was there once, a member that was never there. */
struct task_struct___old {
	long state;
	int no_such_member;
} __attribute__((preserve_access_index));

struct task_struct___new {
	unsigned int __state;
} __attribute__((preserve_access_index));

/* Members of anonymous structs and unions in the kernel; an array in the middle of the path. */
struct page {
	unsigned long flags;
	struct list_head lru;
} __attribute__((preserve_access_index));

struct rlimit {
	unsigned long rlim_cur;
} __attribute__((preserve_access_index));

struct signal_struct {
	struct rlimit rlim[16];
} __attribute__((preserve_access_index));

__u64 out[24];

HOOK int ask(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct___old *old = (void *)task;
	struct task_struct___new *new = (void *)task;
	struct signal_struct *signal = (void *)task;
	struct page *page = (void *)task;

	out[0] = BPF_CORE_READ(task, real_parent, real_parent, tgid);
	out[1] = BPF_CORE_READ(task, se.sum_exec_runtime);
	out[2] = BPF_CORE_READ(task, thread_info.flags);
	out[3] = BPF_CORE_READ_BITFIELD_PROBED(task, sched_reset_on_fork);
	out[4] = bpf_core_field_exists(task->comm);
	out[5] = bpf_core_field_size(task->comm);
	out[6] = bpf_core_field_offset(task->tasks.next);
	out[7] = bpf_core_field_exists(old->no_such_member);
	out[8] = bpf_core_field_exists(old->state) ? BPF_CORE_READ(old, state)
						   : BPF_CORE_READ(new, __state);
	out[9] = BPF_CORE_READ(signal, rlim[3].rlim_cur);
	out[10] = bpf_core_field_size(signal->rlim);
	out[11] = bpf_core_field_size(signal->rlim[2]);
	out[12] = bpf_core_field_exists(page->flags);
	out[13] = bpf_core_field_offset(page->lru.next);
	out[14] = (__u64)BPF_CORE_READ(task, rcu.func);
	out[15] = __builtin_preserve_field_info(task->pid, BPF_FIELD_SIGNED);
	out[16] = __builtin_preserve_field_info(task->comm[5], BPF_FIELD_BYTE_OFFSET);
	out[17] = bpf_core_field_size(task->se);
	return 0;
}
