// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Addresses of instructions, for jump tables; newer than kernel 6.18. */
#include "case.h"

LICENSED;

/* Newer than the headers of Debian 12. */
#define INSN_ARRAY 34

struct {
	__uint(type, INSN_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 16);
} insn_array SEC(".maps");

HOOK int nothing(void *ctx)
{
	return 0;
}
