// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The number of a type in the kernel's BTF, which a part of it would number anew. */
#include "case.h"

LICENSED;

struct task_struct {
	int pid;
};

__u64 out[1];

HOOK int ask(void *ctx)
{
	out[0] = bpf_core_type_id_kernel(struct task_struct);
	return 0;
}
