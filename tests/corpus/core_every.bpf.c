// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every question that a CO-RE relocation can ask and a part of the kernel's BTF can answer, of
 * types as they are and under flavours, in one object.
 */
#include "case.h"

LICENSED;

struct sched_entity {
	__u64 sum_exec_runtime;
} __attribute__((preserve_access_index));

struct task_struct {
	int pid;
	unsigned int sched_reset_on_fork : 1;
	struct sched_entity se;
	char comm[16];
} __attribute__((preserve_access_index));

/* Members that were there once, that are there now, and that never were. */
struct task_struct___old {
	long state;
	int no_such_member;
} __attribute__((preserve_access_index));

struct task_struct___new {
	unsigned int __state;
} __attribute__((preserve_access_index));

struct list_head {
	struct list_head *next;
	struct list_head *prev;
};

/* The test asks of this flavour whether it matches; clang 14 has no word for that question. */
struct list_head___matches {
	struct list_head *next;
};

struct timer_list;
struct timer_list___matches {
	void (*function)(struct timer_list *timer, int more);
};

typedef struct {
	int counter;
} atomic_t;

enum pid_type { PIDTYPE_PID = 7, PIDTYPE_NO_SUCH_TYPE = 8 };
enum bpf_cmd___mine { BPF_MAP_CREATE___mine = 5, BPF_NO_SUCH___mine = 6 };

__u64 out[32];

HOOK int fields(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct___old *old = (void *)task;
	struct task_struct___new *new = (void *)task;

	out[0] = BPF_CORE_READ(task, se.sum_exec_runtime);
	out[1] = bpf_core_field_exists(task->comm);
	out[2] = bpf_core_field_size(task->comm);
	out[3] = bpf_core_field_offset(task->se);
	out[4] = __builtin_preserve_field_info(task->pid, BPF_FIELD_SIGNED);
	out[5] = BPF_CORE_READ_BITFIELD_PROBED(task, sched_reset_on_fork);
	out[6] = bpf_core_field_exists(old->state);
	out[7] = bpf_core_field_exists(old->no_such_member);
	out[8] = bpf_core_field_exists(new->__state);
	return 0;
}

HOOK int types(void *ctx)
{
	out[16] = bpf_core_type_exists(struct task_struct___old);
	out[17] = bpf_core_type_exists(atomic_t);
	out[18] = bpf_core_type_size(struct list_head);
	out[19] = bpf_core_type_size(struct task_struct___new);
	out[20] = bpf_core_type_id_local(struct list_head);
	out[21] = bpf_core_type_exists(struct list_head___matches);
	out[22] = bpf_core_type_exists(struct timer_list___matches);
	return 0;
}

HOOK int names(void *ctx)
{
	out[24] = bpf_core_enum_value_exists(enum pid_type, PIDTYPE_PID);
	out[25] = bpf_core_enum_value(enum pid_type, PIDTYPE_PID);
	out[26] = bpf_core_enum_value_exists(enum pid_type, PIDTYPE_NO_SUCH_TYPE);
	out[27] = bpf_core_enum_value(enum bpf_cmd___mine, BPF_MAP_CREATE___mine);
	out[28] = bpf_core_enum_value_exists(enum bpf_cmd___mine, BPF_NO_SUCH___mine);
	return 0;
}
