// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The same with the fields in another order, others around them. */
#define MOVED
#include "migrate.bpf.c"
