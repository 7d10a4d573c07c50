// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A map whose values hold a lock and a timer: it belongs to the generation that made it. */
#include "case.h"

LICENSED;

struct job {
	struct bpf_spin_lock lock;
	struct bpf_timer timer;
	__u64 runs;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct job);
} jobs SEC(".maps");

HOOK int look(void *ctx)
{
	__u32 zero = 0;

	bpf_map_lookup_elem(&jobs, &zero);
	return 0;
}
