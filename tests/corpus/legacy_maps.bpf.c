// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Maps as they were defined before BTF; libbpf 1.0 gave that up. */
#include "case.h"

LICENSED;

struct bpf_map_def {
	unsigned int type;
	unsigned int key_size;
	unsigned int value_size;
	unsigned int max_entries;
	unsigned int map_flags;
};

struct bpf_map_def counts SEC("maps") = {
	.type = BPF_MAP_TYPE_ARRAY,
	.key_size = sizeof(__u32),
	.value_size = sizeof(__u64),
	.max_entries = 1,
};

HOOK int count(void *ctx)
{
	__u32 zero = 0;
	__u64 *value = bpf_map_lookup_elem(&counts, &zero);

	if (value)
		*value += 1;
	return 0;
}
