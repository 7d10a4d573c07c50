// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What `bench load` loads: a CO-RE tracepoint program of the size that people run, compiled twice
 * with another BUILD, so that an update has something to replace and its hooks stay as they are.
 */
#include "../../bpf/execsnoop-1/execsnoop.bpf.c"

const volatile int build = BUILD;
