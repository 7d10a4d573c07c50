// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Histograms that `node maps` draws. What is declared HIST_LOG2 or HIST_LINEAR(step) holds one:
 *
 *	__u64 size_bytes[32] HIST_LOG2;				a variable
 *	struct hist { __u32 slots[26] HIST_LOG2; char comm[16]; };	a field of a map's values
 *	typedef __u32 run_us[26] HIST_LOG2;			a type, also of a map's values
 *	struct { ... } wait_us SEC(".maps") HIST_LOG2;		an array map of counts, slot by key
 *
 * The unit stands last in the name of the field, variable or map: wait_us, size_bytes.
 * Include it behind <linux/bpf.h> and <bpf/bpf_helpers.h>.
 */
#ifndef MARROW_HIST_BPF_H
#define MARROW_HIST_BPF_H

#define HIST_TEXT_OF(step) #step
#define HIST_TEXT(step) HIST_TEXT_OF(step)

/* Slot n counts the values from 2^n to 2^(n+1) - 1, slot 0 also 0, the last one all above too. */
#define HIST_LOG2 __attribute__((btf_decl_tag("marrow:log2")))

/* Slot n counts the values from n * step to (n + 1) * step - 1, the last one all above too. */
#define HIST_LINEAR(step) __attribute__((btf_decl_tag("marrow:linear:" HIST_TEXT(step))))

/*
 * The slot, or the last one. The barrier keeps the comparison at 64 bits: from one of the lower 32
 * verifiers before 6.3 do not learn that the whole is small enough for an index.
 */
static __always_inline __u32 hist_last_or(__u64 slot, __u32 slots)
{
	barrier_var(slot);
	return slot < slots ? slot : slots - 1;
}

/* The slot of a value among so many. Without a loop or a branch: the verifier follows one path. */
static __always_inline __u32 hist_log2_slot(__u64 value, __u32 slots)
{
	__u32 slot, more;

	slot = (value > 0xffffffff) << 5;
	value >>= slot;
	more = (value > 0xffff) << 4;
	value >>= more;
	slot |= more;
	more = (value > 0xff) << 3;
	value >>= more;
	slot |= more;
	more = (value > 0xf) << 2;
	value >>= more;
	slot |= more;
	more = (value > 0x3) << 1;
	value >>= more;
	slot |= more;
	slot |= value >> 1;
	return hist_last_or(slot, slots);
}

static __always_inline __u32 hist_linear_slot(__u64 value, __u64 step, __u32 slots)
{
	return hist_last_or(value / step, slots);
}

#define HIST_SLOTS(hist) (sizeof(hist) / sizeof((hist)[0]))

/* Counts in an array of __u32 or __u64: a variable, or a field of a map's value. */
#define hist_log2_add(hist, value)                                                                 \
	__sync_fetch_and_add(&(hist)[hist_log2_slot(value, HIST_SLOTS(hist))], 1)
#define hist_linear_add(hist, value, step)                                                         \
	__sync_fetch_and_add(&(hist)[hist_linear_slot(value, step, HIST_SLOTS(hist))], 1)

/* Counts in an array map, or one a CPU, of __u64, with a slot an entry. */
static __always_inline void hist_map_add(void *map, __u32 slot)
{
	__u64 *count = bpf_map_lookup_elem(map, &slot);

	if (count)
		__sync_fetch_and_add(count, 1);
}

#endif
