// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A tracepoint that no kernel has. */
#include "case.h"

LICENSED;

SEC("tracepoint/sched/no_such_tracepoint") int nothing(void *ctx)
{
	return 0;
}
