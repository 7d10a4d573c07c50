// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A socket filter. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("socket") int at_hook(void *ctx)
{
	hits++;
	return 0;
}
