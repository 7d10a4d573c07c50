// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Puts records into a ring and counts those that a full ring refuses.
 * The node finds the count by the map's name and shows it; objects without it show "unknown".
 * Include it behind <linux/bpf.h> and <bpf/bpf_helpers.h>.
 */
#ifndef MARROW_EMIT_BPF_H
#define MARROW_EMIT_BPF_H

/* Per CPU, so that CPUs which lose at once do not wait for each other. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} marrow_loss SEC(".maps");

/* Room for one record, or NULL after counting its loss. What it returns must be submitted. */
static __always_inline void *emit_reserve_bytes(void *ring, __u64 size)
{
	void *record = bpf_ringbuf_reserve(ring, size, 0);
	__u32 zero = 0;
	__u64 *lost;

	if (record)
		return record;
	lost = bpf_map_lookup_elem(&marrow_loss, &zero);
	/* Atomic all the same: a program may be interrupted by another one on its CPU. */
	if (lost)
		__sync_fetch_and_add(lost, 1);
	return NULL;
}

/* The size must be constant for the verifier, so the record is given by its type. */
#define emit_reserve(ring, type) ((type *)emit_reserve_bytes(ring, sizeof(type)))

static __always_inline void emit_submit(void *record)
{
	bpf_ringbuf_submit(record, 0);
}

/*
 * Names the struct that the ring of this object carries. Without a declaration that reaches it,
 * clang leaves a struct that only functions use out of the BTF. It takes eight bytes of .rodata.
 */
#define EMITS(type) type *const unused_event __attribute__((unused)) = NULL

#endif
