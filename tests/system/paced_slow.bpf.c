// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* As `paced`, and takes many times as long. */
#define SLOW
#include "paced.bpf.c"
