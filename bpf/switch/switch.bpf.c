/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The switch: the stub that stays attached at a hook for the life of an instance.
 * The node opens this object once a hook, sets type and attach type of the payload's program,
 * lets all hooks of an instance share one `gate`, and gives each hook its own `lanes`.
 */
typedef unsigned int __u32;
typedef unsigned long long __u64;

enum {
	ARRAY = 2,
	PROG_ARRAY = 3,
	PERCPU_ARRAY = 6,
	F_MMAPABLE = 1 << 10,
	/* Two hold programs, in turn; the others are empty for ever. */
	LANES = 4,
	NO_LANE = LANES - 1,
	PAGE_BYTES = 4096
};

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int(*name)[value]
#define __type(name, type) typeof(type) *name

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_tail_call)(void *ctx, void *map, __u32 index) = (void *)12;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The lane of the generation in charge; one aligned store flips every hook of the instance. */
struct {
	__uint(type, ARRAY);
	__uint(map_flags, F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} marrow_gate SEC(".maps");

struct {
	__uint(type, PROG_ARRAY);
	__uint(max_entries, LANES);
	__type(key, __u32);
	__type(value, __u32);
} marrow_lanes SEC(".maps");

/* Runs that met an empty lane. */
struct {
	__uint(type, PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} marrow_through SEC(".maps");

/* What the hook's kind reads as "this program has no opinion". */
const volatile int neutral;

static __attribute__((always_inline)) int through(void)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&marrow_through, &zero);

	if (count)
		__sync_fetch_and_add(count, 1);
	return neutral;
}

/*
 * A constant index: the kernel makes it a direct jump, which it patches when the lane is filled or
 * emptied. An index that is read is an indirect one, ten times as slow where that takes a
 * retpoline. What follows keeps clang from making one call of two.
 */
#define INTO(index)                                                                                \
	do {                                                                                       \
		bpf_tail_call(ctx, &marrow_lanes, index);                                          \
		__asm__ volatile("" ::"i"(index));                                                 \
	} while (0)

static __attribute__((always_inline)) void enter(void *ctx)
{
	__u32 zero = 0;
	volatile __u32 *gate = bpf_map_lookup_elem(&marrow_gate, &zero);
	__u32 lane = gate ? *gate : NO_LANE;

	if (lane == 0)
		INTO(0);
	else if (lane == 1)
		INTO(1);
}

SEC("switch") int marrow_switch(void *ctx)
{
	enter(ctx);
	return through();
}

/* What is known of struct bpf_sockopt (uapi/linux/bpf.h) here. */
struct sockopt {
	__u64 pointers[3];
	int level;
	int optname;
	int optlen;
	int retval;
};

/*
 * For {get,set}sockopt in a cgroup: the kernel fails a call with an option larger than a page
 * (EFAULT), unless the program says with a length of 0 that it leaves the option alone.
 */
SEC("switch") int marrow_sockopt(struct sockopt *ctx)
{
	enter(ctx);
	if (ctx->optlen > PAGE_BYTES)
		ctx->optlen = 0;
	return through();
}
