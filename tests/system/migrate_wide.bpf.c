// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The same with wider counts and keys, more room, an LRU map. */
#define WIDE
#include "migrate.bpf.c"
