// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions about types: structs, unions, enumerations, typedefs, each that exist. */
#include "case.h"

LICENSED;

struct task_struct {
	int pid;
};

struct list_head {
	struct list_head *next;
	struct list_head *prev;
};

/* Function pointers, pointees, an array: what "matches" has to follow. */
struct ctl_table {
	const char *procname;
	void *data;
	int maxlen;
};

struct hrtimer {
	struct list_head *no_such_member;
};

struct seq_operations {
	void (*stop)(void *m, void *v);
	int (*show)(void *m, void *v);
};

struct timer_list {
	unsigned long expires;
	void (*function)(struct timer_list *timer);
	__u32 flags;
};

/* Not what the kernel has: the number of arguments differs. */
struct timer_list___other {
	void (*function)(struct timer_list *timer, int more);
};

union sigval {
	int sival_int;
	void *sival_ptr;
};

enum pid_type { PIDTYPE_PID };

typedef struct {
	int counter;
} atomic_t;

typedef __u32 u32;
typedef int (*cmp_func_t)(const void *a, const void *b);

__u64 out[32];

HOOK int ask(void *ctx)
{
	out[0] = bpf_core_type_exists(struct task_struct);
	out[1] = bpf_core_type_size(struct task_struct);
	out[2] = bpf_core_type_exists(union sigval);
	out[3] = bpf_core_type_size(union sigval);
	out[4] = bpf_core_type_exists(enum pid_type);
	out[5] = bpf_core_type_size(enum pid_type);
	out[6] = bpf_core_type_exists(atomic_t);
	out[7] = bpf_core_type_size(atomic_t);
	out[8] = bpf_core_type_exists(u32);
	out[9] = bpf_core_type_exists(cmp_func_t);
	out[10] = bpf_core_type_size(cmp_func_t);
	out[11] = bpf_core_type_id_local(struct task_struct);
	/* The test asks of these whether they match; clang 14 has no word for that question. */
	out[16] = bpf_core_type_exists(struct list_head);
	out[17] = bpf_core_type_exists(struct timer_list);
	out[18] = bpf_core_type_exists(struct timer_list___other);
	out[19] = bpf_core_type_exists(struct hrtimer);
	out[20] = bpf_core_type_exists(struct seq_operations);
	out[21] = bpf_core_type_exists(struct ctl_table);
	return 0;
}
