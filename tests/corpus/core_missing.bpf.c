// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Types that the kernel itself does not have: a module may, so the whole BTF is asked. */
#include "case.h"

LICENSED;

struct marrow_no_such_struct {
	int member;
} __attribute__((preserve_access_index));

__u64 out[4];

HOOK int ask(void *ctx)
{
	struct marrow_no_such_struct *none = ctx;

	out[0] = bpf_core_type_exists(struct marrow_no_such_struct);
	out[1] = bpf_core_type_size(struct marrow_no_such_struct);
	out[2] = bpf_core_field_exists(none->member);
	return 0;
}
