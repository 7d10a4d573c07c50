// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Maps of maps, filled by libbpf and empty; a program array that libbpf fills. */
#include "case.h"

LICENSED;

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} first SEC(".maps"), second SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__array(values, struct inner);
} array_of_maps SEC(".maps") = {.values = {&first, &second}};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 8);
	__uint(key_size, sizeof(__u32));
	__array(values, struct inner);
} hash_of_maps SEC(".maps");

SEC("tracepoint") int next(void *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} programs SEC(".maps") = {.values = {(void *)&next}};

HOOK int touch(void *ctx)
{
	__u32 zero = 0;
	void *map = bpf_map_lookup_elem(&array_of_maps, &zero);

	if (map)
		bpf_map_lookup_elem(map, &zero);
	bpf_map_lookup_elem(&hash_of_maps, &zero);
	bpf_tail_call(ctx, &programs, 0);
	return 0;
}

SEC("tracepoint") int next(void *ctx)
{
	return 0;
}
