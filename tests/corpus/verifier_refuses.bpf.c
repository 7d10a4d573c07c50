// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads where nothing is: the verifier's log has to reach whoever gave the object. */
#include "case.h"

LICENSED;

HOOK int wild(void *ctx)
{
	return *(volatile int *)0x1000;
}
