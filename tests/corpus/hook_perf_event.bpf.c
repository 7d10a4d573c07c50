// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A sample of a perf event. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("perf_event") int at_hook(void *ctx)
{
	hits++;
	return 0;
}
