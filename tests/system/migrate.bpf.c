// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Counts calls of lseek(-1, number, 77), by number, in maps of every form that can be migrated. The
 * files beside this one give the same maps other layouts: MOVED fields are in another order and
 * have others around them, WIDE fields, keys and maps grew, LOSSY ones lack what was there, and
 * NARROW ones have no room for it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CALLED -1
#define WHENCE 78

#ifdef WIDE
#define COUNT __u64
#define ROOM 2048
#define KEYS BPF_MAP_TYPE_LRU_HASH
#else
#define COUNT __u32
#define ROOM 1024
#define KEYS BPF_MAP_TYPE_HASH
#endif

struct call {
	__u64 common;
	__s64 nr;
	__s64 fd;
	__s64 number;
	__s64 whence;
};

struct part {
#ifdef MOVED
	__u32 unit;
#endif
	__u64 sum;
};

struct tally {
#if defined(MOVED)
	struct part part;
	__u16 fresh;
	__u64 runs;
#elif defined(LOSSY)
	__u64 runs;
#elif defined(NARROW)
	__u32 runs;
	struct part part;
#else
	__u64 runs;
	struct part part;
#endif
};

struct key {
#ifdef WIDE
	__u32 kind;
#endif
	COUNT number;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct tally);
} tallies SEC(".maps");

/* The same in every layout. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
} same SEC(".maps");

struct {
	__uint(type, KEYS);
	__uint(max_entries, ROOM);
	__type(key, struct key);
	__type(value, COUNT);
} keyed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ROOM);
	__type(key, __u32);
	__type(value, COUNT);
} per_cpu SEC(".maps");

#if defined(MOVED) || defined(WIDE)
__u16 fresh_variable;
#endif
__u64 total;
COUNT calls;
#ifdef LOSSY
__u32 other = 6;
#else
__u32 other = 5;
#endif

static void add(__u64 number)
{
	struct tally first = {}, *tally;

	bpf_map_update_elem(&tallies, &number, &first, BPF_NOEXIST);
	tally = bpf_map_lookup_elem(&tallies, &number);
	if (!tally)
		return;
	__sync_fetch_and_add(&tally->runs, 1);
#ifndef LOSSY
	__sync_fetch_and_add(&tally->part.sum, number);
#endif
}

static void add_by_key(__u64 number)
{
	struct key key = {.number = number};
	COUNT first = 0, *count;

	bpf_map_update_elem(&keyed, &key, &first, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&keyed, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
}

SEC("tracepoint/syscalls/sys_enter_lseek")
int count(struct call *call)
{
	__u64 number = call->number, first = 0, *unchanged;
	__u32 slot = number % 1024;
	COUNT *on_cpu;

	if ((__s32)call->fd != CALLED || (__s32)call->whence != WHENCE)
		return 0;
	add(number);
	add_by_key(number);
	bpf_map_update_elem(&same, &number, &first, BPF_NOEXIST);
	unchanged = bpf_map_lookup_elem(&same, &number);
	if (unchanged)
		__sync_fetch_and_add(unchanged, 1);
	on_cpu = bpf_map_lookup_elem(&per_cpu, &slot);
	if (on_cpu)
		*on_cpu += 1;
	__sync_fetch_and_add(&total, 1);
	__sync_fetch_and_add(&calls, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
