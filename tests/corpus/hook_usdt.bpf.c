// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A static probe of a program. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("usdt/libc.so.6:libc:setjmp") int at_hook(void *ctx)
{
	hits++;
	return 0;
}
