// flags: -target bpfeb
// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Built for machines of the other byte order. */
#include "case.h"

LICENSED;

HOOK int nothing(void *ctx)
{
	return 0;
}
