// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The same with a struct that lacks a field, and another initial value. */
#define LOSSY
#include "migrate.bpf.c"
