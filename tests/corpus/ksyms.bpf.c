// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Functions of the kernel, called and pointed at, by their names. */
#include "case.h"

LICENSED;

struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

extern struct task_struct *bpf_task_from_pid(__s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
extern const void schedule __ksym;

__u64 address;

SEC("tp_btf/sched_process_exec") int look(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	address = (__u64)&schedule;
	if (task)
		bpf_task_release(task);
	return 0;
}
