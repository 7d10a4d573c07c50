// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* No licence, but a helper for GPL programs only: the kernel says no. */
#include "case.h"

__u64 last;

HOOK int count(void *ctx)
{
	last = bpf_ktime_get_ns();
	bpf_printk("%llu", last);
	return 0;
}
