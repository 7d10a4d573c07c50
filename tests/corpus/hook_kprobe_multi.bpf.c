// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Many kernel functions. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("kprobe.multi/do_nano*") int at_hook(void *ctx)
{
	hits++;
	return 0;
}
