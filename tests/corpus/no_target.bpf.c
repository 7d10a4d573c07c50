// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A program whose section does not say where it goes, beside one that does. */
#include "case.h"

LICENSED;

SEC("tracepoint") int anywhere(void *ctx)
{
	return 0;
}

HOOK int here(void *ctx)
{
	return 0;
}
