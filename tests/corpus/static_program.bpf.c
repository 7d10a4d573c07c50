// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A static function in the section of a hook: no loader can see it. */
#include "case.h"

LICENSED;

HOOK static __attribute__((used)) int hidden(void *ctx)
{
	return 0;
}
