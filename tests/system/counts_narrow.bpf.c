// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The same with a narrower count in the map. */
#define NARROW
#include "counts.bpf.c"
