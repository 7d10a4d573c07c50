// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets in the driver. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("xdp") int at_hook(void *ctx)
{
	hits++;
	return 2;
}
