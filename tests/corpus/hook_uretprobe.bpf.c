// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The return of a function of a program. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("uretprobe/libc.so.6:hcreate") int at_hook(void *ctx)
{
	hits++;
	return 0;
}
