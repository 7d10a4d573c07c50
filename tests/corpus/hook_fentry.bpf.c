// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A kernel function, by trampoline. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("fentry/do_nanosleep") int at_hook(void *ctx)
{
	hits++;
	return 0;
}
