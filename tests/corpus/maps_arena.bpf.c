// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory shared with user space. */
#include "case.h"

LICENSED;

/* Newer than the headers of Debian 12. */
#define ARENA 33

struct {
	__uint(type, ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4);
} arena SEC(".maps");

HOOK int nothing(void *ctx)
{
	return 0;
}
