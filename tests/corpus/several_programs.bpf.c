// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Several programs in one section, in several sections, at several kinds of hooks. */
#include "case.h"

LICENSED;

__u64 hits[4];

HOOK int first(void *ctx)
{
	hits[0]++;
	return 0;
}

HOOK int second(void *ctx)
{
	hits[1]++;
	return 0;
}

SEC("raw_tp/sched_process_exit") int third(void *ctx)
{
	hits[2]++;
	return 0;
}

SEC("tp_btf/sched_process_exit") int fourth(void *ctx)
{
	hits[3]++;
	return 0;
}
