// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets at a device. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("tcx/ingress") int at_hook(void *ctx)
{
	hits++;
	return 0;
}
