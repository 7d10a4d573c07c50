// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Functions, but none at a hook. */
#include "case.h"

LICENSED;

__u64 hits;

int one(void)
{
	return ++hits;
}

int two(void)
{
	return one() + 1;
}
