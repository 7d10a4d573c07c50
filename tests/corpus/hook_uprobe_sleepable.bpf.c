// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A function of a program, in a program that may sleep. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("uprobe.s/libc.so.6:hcreate") int at_hook(void *ctx)
{
	hits++;
	return 0;
}
