// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An iterator. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("iter/task") int at_hook(void *ctx)
{
	hits++;
	return 0;
}
