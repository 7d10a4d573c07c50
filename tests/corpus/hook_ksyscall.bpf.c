// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A system call. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("ksyscall/nanosleep") int at_hook(void *ctx)
{
	hits++;
	return 0;
}
