// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A map of every kind that is made without a device or a socket at hand. It counts the commands
 * whose names begin with "mk-", so that a test knows what must be in them.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "hist.bpf.h"

#define NAMED(kind, map, entries, key_bytes, value_bytes)                                          \
	struct {                                                                                   \
		__uint(type, kind);                                                                \
		__uint(max_entries, entries);                                                      \
		__uint(key_size, key_bytes);                                                       \
		__uint(value_size, value_bytes);                                                   \
	} map SEC(".maps")

#define TYPED(kind, map, entries, key_type, value_type)                                            \
	struct {                                                                                   \
		__uint(type, kind);                                                                \
		__uint(max_entries, entries);                                                      \
		__type(key, key_type);                                                             \
		__type(value, value_type);                                                         \
	} map SEC(".maps")

#define STORAGE(kind, map)                                                                         \
	struct {                                                                                   \
		__uint(type, kind);                                                                \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__type(key, int);                                                                  \
		__type(value, __u64);                                                              \
	} map SEC(".maps")

/* Newer than the headers of Debian 12. */
#define CGRP_STORAGE 32
#define MANY 70000
#define STEP 8

enum color { RED, GREEN = 5 };

struct name {
	char comm[16];
};

struct seen {
	enum color color;
	__u8 mac[6];
	__u16 port;
	__u32 saddr;
	__u64 runs;
};

struct totals {
	__u64 runs;
	__u32 twice;
};

struct hist {
	__u32 slots[8] HIST_LOG2;
	char comm[16];
};

struct prefix {
	__u32 bits;
	__u8 address[4];
};

typedef __u64 sizes_bytes[4] HIST_LINEAR(STEP);

TYPED(BPF_MAP_TYPE_HASH, counts, 1024, struct name, __u64);
TYPED(BPF_MAP_TYPE_HASH, seen_by_pid, 64, __u32, struct seen);
TYPED(BPF_MAP_TYPE_LRU_HASH, recent, 64, __u32, __u64);
TYPED(BPF_MAP_TYPE_ARRAY, numbers, 8, __u32, __u64);
TYPED(BPF_MAP_TYPE_PERCPU_ARRAY, totals, 1, __u32, struct totals);
TYPED(BPF_MAP_TYPE_PERCPU_HASH, by_kind, 8, __u32, __u64);
TYPED(BPF_MAP_TYPE_LRU_PERCPU_HASH, recent_by_kind, 8, __u32, __s32);
TYPED(BPF_MAP_TYPE_HASH, hists, 8, __u32, struct hist);
TYPED(BPF_MAP_TYPE_ARRAY, sizes, 1, __u32, sizes_bytes);
TYPED(BPF_MAP_TYPE_PERCPU_ARRAY, wait_us, 8, __u32, __u64) HIST_LOG2;
TYPED(BPF_MAP_TYPE_HASH, many, 1 << 17, __u32, __u32);
NAMED(BPF_MAP_TYPE_HASH, raw, 8, 6, 3);
NAMED(BPF_MAP_TYPE_QUEUE, queue, 4, 0, 8);
TYPED(BPF_MAP_TYPE_STACK_TRACE, stacks, 64, __u32, __u64[16]);
NAMED(BPF_MAP_TYPE_CGROUP_ARRAY, cgroup_array, 1, 4, 4);
NAMED(BPF_MAP_TYPE_PERF_EVENT_ARRAY, perf_events, 0, 4, 4);
NAMED(BPF_MAP_TYPE_RINGBUF, ring, 4096, 0, 0);
NAMED(BPF_MAP_TYPE_USER_RINGBUF, user_ring, 4096, 0, 0);
NAMED(BPF_MAP_TYPE_DEVMAP, devmap, 4, 4, 4);
NAMED(BPF_MAP_TYPE_DEVMAP_HASH, devmap_hash, 4, 4, 8);
NAMED(BPF_MAP_TYPE_CPUMAP, cpumap, 4, 4, 8);
NAMED(BPF_MAP_TYPE_XSKMAP, xskmap, 4, 4, 4);
NAMED(BPF_MAP_TYPE_SOCKMAP, sockmap, 4, 4, 8);
NAMED(BPF_MAP_TYPE_SOCKMAP, sockmap_of_4, 4, 4, 4);
NAMED(BPF_MAP_TYPE_SOCKHASH, sockhash, 4, 8, 8);
NAMED(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, reuseport, 4, 4, 8);
STORAGE(BPF_MAP_TYPE_SK_STORAGE, sk_storage);
STORAGE(BPF_MAP_TYPE_INODE_STORAGE, inode_storage);
STORAGE(BPF_MAP_TYPE_TASK_STORAGE, task_storage);
STORAGE(CGRP_STORAGE, cgrp_storage);

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 4);
	__type(value, struct totals);
} stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 64);
	__type(value, __u64);
} bloom SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u64);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} cgroup_storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} percpu_cgroup_storage SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} first SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__array(values, struct inner);
} array_of_maps SEC(".maps") = {.values = {[1] = &first}};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 8);
	__uint(key_size, sizeof(__u32));
	__array(values, struct inner);
} hash_of_maps SEC(".maps") = {.values = {[7] = &first}};

SEC("tracepoint") int next(void *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} programs SEC(".maps") = {.values = {[2] = (void *)&next}};

extern unsigned long CONFIG_HZ __kconfig;

const volatile __u32 only_pid = 42;
__u64 runs;
__u32 spread_us[8] HIST_LOG2;
static volatile enum color color = GREEN;
char greeting[8] = "hi\x1b[2J";

/* More than the node reads at once. */
static int fill_one(__u32 at, void *ctx)
{
	bpf_map_update_elem(&many, &at, &at, BPF_ANY);
	return 0;
}

static __always_inline void count_by_cpu(__u32 kind)
{
	struct totals *total;
	__s32 minus = -1;
	__u32 zero = 0;
	__u64 one = 1, *count;

	total = bpf_map_lookup_elem(&totals, &zero);
	if (total) {
		total->runs++;
		total->twice += 2;
	}
	count = bpf_map_lookup_elem(&by_kind, &kind);
	if (count)
		*count += 1;
	else
		bpf_map_update_elem(&by_kind, &kind, &one, BPF_ANY);
	bpf_map_update_elem(&recent_by_kind, &kind, &minus, BPF_ANY);
}

static __always_inline void count_in_histograms(void)
{
	struct hist *hist, fresh = {};
	__u32 zero = 0;
	sizes_bytes *size;

	bpf_get_current_comm(fresh.comm, sizeof(fresh.comm));
	bpf_map_update_elem(&hists, &zero, &fresh, BPF_NOEXIST);
	hist = bpf_map_lookup_elem(&hists, &zero);
	if (hist) {
		hist_log2_add(hist->slots, 5);
		hist_log2_add(hist->slots, 1 << 20);
	}
	size = bpf_map_lookup_elem(&sizes, &zero);
	if (size)
		hist_linear_add(*size, 17, STEP);
	hist_map_add(&wait_us, hist_log2_slot(100, 8));
	hist_log2_add(spread_us, 3);
}

SEC("tracepoint/sched/sched_process_exec")
int count(void *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32, kind = 3;
	struct prefix route = {.bits = 8, .address = {10, 1, 2, 3}};
	struct totals waiting = {.runs = 7, .twice = 14};
	struct seen seen = {.color = GREEN, .mac = {1, 2, 3, 4, 5, 255}, .port = 443};
	__u64 one = 1, *found;
	struct name name = {};

	bpf_get_current_comm(name.comm, sizeof(name.comm));
	if (name.comm[0] != 'm' || name.comm[1] != 'k' || name.comm[2] != '-')
		return 0;
	__sync_fetch_and_add(&runs, 1);
	seen.saddr = bpf_ntohl(0x0a000001);
	seen.runs = one << 53;
	bpf_map_update_elem(&seen_by_pid, &pid, &seen, BPF_ANY);
	found = bpf_map_lookup_elem(&counts, &name);
	if (found)
		__sync_fetch_and_add(found, 1);
	else
		bpf_map_update_elem(&counts, &name, &one, BPF_ANY);
	bpf_map_update_elem(&recent, &pid, &one, BPF_ANY);
	found = bpf_map_lookup_elem(&numbers, &kind);
	if (found)
		__sync_fetch_and_add(found, 1);
	bpf_map_update_elem(&raw, "\x01\x02\x03\x04\x05\x06", "abc", BPF_ANY);
	bpf_map_push_elem(&queue, &one, BPF_ANY);
	bpf_map_push_elem(&stack, &waiting, BPF_ANY);
	bpf_map_push_elem(&bloom, &one, BPF_ANY);
	bpf_map_update_elem(&routes, &route, &one, BPF_ANY);
	bpf_get_stackid(ctx, &stacks, 0);
	bpf_ringbuf_output(&ring, &pid, sizeof(pid), 0);
	count_by_cpu(kind);
	count_in_histograms();
	if (name.comm[3] == 'f')
		bpf_loop(MANY, fill_one, NULL, 0);
	bpf_tail_call(ctx, &programs, CONFIG_HZ ? 0 : 1);
	return only_pid == color;
}

SEC("tracepoint") int next(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
