// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets of a cgroup. */
#include "case.h"

LICENSED;

__u64 hits;

SEC("cgroup_skb/ingress") int at_hook(void *ctx)
{
	hits++;
	return 1;
}
