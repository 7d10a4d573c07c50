// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A security hook. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("lsm/file_open") int at_hook(void *ctx)
{
	hits++;
	return 0;
}
