// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rings and a map for the handlers of these tests, which no kernel fills. */
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "step.h"

/* A ring whose double is no multiple of 64 KiB has no window. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} spans SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} steps SEC(".maps");

/* Which no handler reads. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} unread SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} not_granted SEC(".maps");

const struct step *const unused_step __attribute__((unused)) = NULL;
const struct number *const unused_number __attribute__((unused)) = NULL;

SEC("socket")
int pass(struct __sk_buff *skb)
{
	__u32 key = 0;

	bpf_map_lookup_elem(&counts, &key);
	bpf_map_lookup_elem(&not_granted, &key);
	bpf_ringbuf_output(&spans, &key, sizeof(key), 0);
	bpf_ringbuf_output(&steps, &key, sizeof(key), 0);
	bpf_ringbuf_output(&unread, &key, sizeof(key), 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
