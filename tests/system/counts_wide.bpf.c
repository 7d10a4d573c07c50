// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The same with another struct in the map. */
#define WIDE
#include "counts.bpf.c"
