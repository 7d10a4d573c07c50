// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A program that is only loaded when somebody asks for it. */
#include "case.h"

LICENSED;

SEC("?tracepoint/sched/no_such_tracepoint") int asleep(void *ctx)
{
	return 0;
}

HOOK int awake(void *ctx)
{
	return 0;
}
