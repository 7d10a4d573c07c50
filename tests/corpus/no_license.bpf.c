// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* No licence, and no helper that asks for one. */
#include "case.h"

__u64 hits;

HOOK int count(void *ctx)
{
	hits++;
	return 0;
}
