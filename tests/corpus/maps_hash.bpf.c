// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hash tables of every sort, with every attribute that libbpf reads. */
#include "case.h"

LICENSED;

struct key {
	__u32 pid;
	__u32 cpu;
};

struct prefix {
	__u32 bits;
	__u8 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE);
	__uint(numa_node, 0);
	__type(key, struct key);
	__type(value, __u64);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__uint(key_size, 8);
	__uint(value_size, 8);
} percpu_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, struct key);
	__type(value, __u64);
} lru_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, struct key);
	__type(value, __u64);
} lru_percpu_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u64);
} lpm_trie SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 64);
	__uint(map_extra, 3);
	__type(value, __u64);
} bloom_filter SEC(".maps");

HOOK int touch(void *ctx)
{
	struct key key = {.pid = 1};
	__u64 one = 1;

	bpf_map_update_elem(&hash, &key, &one, BPF_ANY);
	bpf_map_update_elem(&percpu_hash, &key, &one, BPF_ANY);
	bpf_map_update_elem(&lru_hash, &key, &one, BPF_ANY);
	bpf_map_update_elem(&lru_percpu_hash, &key, &one, BPF_ANY);
	bpf_map_lookup_elem(&lpm_trie, &key);
	bpf_map_push_elem(&bloom_filter, &one, BPF_ANY);
	return 0;
}
