// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A program that is run on demand. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("syscall") int at_hook(void *ctx)
{
	hits++;
	return 0;
}
