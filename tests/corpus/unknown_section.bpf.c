// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A section that names no kind of program. */
#include "case.h"

LICENSED;

SEC("marrow/nonsense") int nothing(void *ctx)
{
	return 0;
}
