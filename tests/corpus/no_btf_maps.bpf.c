// flags: -g0
// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Maps are defined by types, and there are none. */
#include "case.h"

LICENSED;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

HOOK int emit(void *ctx)
{
	__u64 now = bpf_ktime_get_ns();

	bpf_ringbuf_output(&ring, &now, sizeof(now), 0);
	return 0;
}
