// flags: -g0
// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* No types at all: runs, its variables are bytes. */
#include "case.h"

LICENSED;

__u64 hits;
const volatile __u32 step = 2;

HOOK int count(void *ctx)
{
	hits += step;
	return 0;
}
