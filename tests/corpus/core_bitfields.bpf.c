// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Bit fields, read directly: their load instruction itself is relocated. */
#include "case.h"

LICENSED;

struct task_struct {
	int pid;
	unsigned int sched_reset_on_fork : 1;
	unsigned int in_execve : 1;
} __attribute__((preserve_access_index));

__u64 out[4];

SEC("tp_btf/sched_switch") int ask(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[1];

	out[0] = BPF_CORE_READ_BITFIELD(task, sched_reset_on_fork);
	out[1] = BPF_CORE_READ_BITFIELD(task, in_execve);
	out[2] = task->pid;
	return 0;
}
