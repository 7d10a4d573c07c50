// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where kernels from 5.10 on differ in a way that relocation alone does not settle.
 * Include it behind kernel.bpf.h and <bpf/bpf_core_read.h>.
 */
#ifndef MARROW_CORE_FIXES_BPF_H
#define MARROW_CORE_FIXES_BPF_H

/*
 * Whether the task that runs sched_process_exit is the last of its process. Since 6.16 the
 * tracepoint says so itself (`group_dead`); before that its context has no such field, so the
 * count is read that do_exit() takes it from. Two threads that end at once may both see 0.
 */
static __always_inline bool is_last_thread(struct task_struct *task)
{
	return BPF_CORE_READ(task, signal, live.counter) == 0;
}

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct task_struct___before_5_14 {
	long state;
};

struct task_struct___since_5_14 {
	unsigned int __state;
};

#pragma clang attribute pop

/* The state of a task, 0 while it runs or waits for a CPU. 2f064a59a11f (5.14) renamed it. */
static __always_inline unsigned int task_state(struct task_struct *task)
{
	struct task_struct___since_5_14 *since = (void *)task;
	struct task_struct___before_5_14 *before = (void *)task;

	if (bpf_core_field_exists(since->__state))
		return BPF_CORE_READ(since, __state);
	return BPF_CORE_READ(before, state);
}

#endif
