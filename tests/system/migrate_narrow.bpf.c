// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The same with a count that is narrower. */
#define NARROW
#include "migrate.bpf.c"
