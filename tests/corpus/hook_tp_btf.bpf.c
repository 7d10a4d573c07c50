// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A tracepoint with typed arguments. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("tp_btf/sched_switch") int at_hook(void *ctx)
{
	hits++;
	return 0;
}
