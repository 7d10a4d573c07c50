// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A map definition with a field that libbpf does not know. */
#include "case.h"

LICENSED;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
	__uint(colour, 3);
} counts SEC(".maps");

HOOK int count(void *ctx)
{
	__u32 zero = 0;

	bpf_map_lookup_elem(&counts, &zero);
	return 0;
}
