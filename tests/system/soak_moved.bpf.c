// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The same with the counts in another layout. */
#define MOVED
#include "soak.bpf.c"
