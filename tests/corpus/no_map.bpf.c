// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* No map and no variable: nothing but a program. */
#include "case.h"

LICENSED;

HOOK int nothing(void *ctx)
{
	return 0;
}
