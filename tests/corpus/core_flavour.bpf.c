// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A struct that newer kernels have twice: nf_conn and nf_conn___init. */
#include "case.h"

LICENSED;

struct nf_conn {
	unsigned long status;
} __attribute__((preserve_access_index));

__u64 out[2];

HOOK int ask(void *ctx)
{
	struct nf_conn *connection = ctx;

	out[0] = bpf_core_type_exists(struct nf_conn);
	out[1] = bpf_core_field_exists(connection->status);
	return 0;
}
