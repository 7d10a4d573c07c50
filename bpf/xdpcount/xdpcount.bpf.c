// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets by source, dropped or passed: see README.md beside this file. */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

/* Tags in one frame that are looked behind. */
#define VLAN_TAGS_MAX 2
#define WINDOW_NS 1000000000ULL

/* IPv4 is mapped, here and in the block list: ::ffff:a.b.c.d. */
struct source {
	__u8 saddr[16];
};

struct counts {
	__u64 packets;
	__u64 bytes;
	__u64 dropped_packets;
	__u64 dropped_bytes;
};

/* Packets that one source may send in a second; 0: any number. */
const volatile __u64 packets_per_second_max;

/* What came from whom; those that sent last are kept. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct source);
	__type(value, struct counts);
} sources SEC(".maps");

struct prefix {
	/* In bits; that of an IPv4 network is 96 more than one writes. */
	__u32 length;
	__u8 saddr[16];
};

/* Networks whose packets are dropped, and how many were. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u64);
} blocked SEC(".maps");

struct window {
	__u64 since;
	__u64 packets;
};

/* What each source sent in its second; one for all CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct source);
	__type(value, struct window);
} windows SEC(".maps");

struct vlan_tag {
	__be16 id;
	__be16 next;
};

static __always_inline bool is_vlan(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

/* Whether the frame has a source address, and which. */
static __always_inline bool read_source(struct xdp_md *ctx, struct source *source)
{
	void *at = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *ethernet = at;
	__be16 type;

	at = ethernet + 1;
	if (at > end)
		return false;
	type = ethernet->h_proto;
#pragma unroll
	for (int tags = 0; tags < VLAN_TAGS_MAX; tags++) {
		struct vlan_tag *tag = at;

		if (!is_vlan(type))
			break;
		at = tag + 1;
		if (at > end)
			return false;
		type = tag->next;
	}
	if (type == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = at;

		if ((void *)(ip + 1) > end)
			return false;
		source->saddr[10] = source->saddr[11] = 0xff;
		__builtin_memcpy(source->saddr + 12, &ip->saddr, sizeof(ip->saddr));
		return true;
	}
	if (type == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = at;

		if ((void *)(ip + 1) > end)
			return false;
		__builtin_memcpy(source->saddr, &ip->saddr, sizeof(source->saddr));
		return true;
	}
	return false;
}

static __always_inline bool is_blocked(struct source *source)
{
	struct prefix prefix = {.length = 8 * sizeof(prefix.saddr)};
	__u64 *drops;

	__builtin_memcpy(prefix.saddr, source->saddr, sizeof(prefix.saddr));
	drops = bpf_map_lookup_elem(&blocked, &prefix);
	if (!drops)
		return false;
	__sync_fetch_and_add(drops, 1);
	return true;
}

/*
 * Two CPUs that begin a second of one source at once may let a few packets more through: kernels
 * before 5.12 have no atomic operation that tells what was there.
 */
static __always_inline bool is_too_fast(struct source *source)
{
	struct window *window;
	__u64 now;

	if (!packets_per_second_max)
		return false;
	now = bpf_ktime_get_ns();
	window = bpf_map_lookup_elem(&windows, source);
	if (!window) {
		struct window first = {.since = now, .packets = 1};

		bpf_map_update_elem(&windows, source, &first, BPF_ANY);
		return false;
	}
	if (now - window->since >= WINDOW_NS) {
		window->since = now;
		window->packets = 0;
	}
	__sync_fetch_and_add(&window->packets, 1);
	return window->packets > packets_per_second_max;
}

static __always_inline void count(struct source *source, __u64 bytes, bool drop)
{
	struct counts *counts = bpf_map_lookup_elem(&sources, source);

	if (!counts) {
		struct counts first = {};

		bpf_map_update_elem(&sources, source, &first, BPF_NOEXIST);
		counts = bpf_map_lookup_elem(&sources, source);
		if (!counts)
			return;
	}
	counts->packets++;
	counts->bytes += bytes;
	if (drop) {
		counts->dropped_packets++;
		counts->dropped_bytes += bytes;
	}
}

SEC("xdp")
int xdpcount(struct xdp_md *ctx)
{
	struct source source = {};
	bool drop;

	if (!read_source(ctx, &source))
		return XDP_PASS;
	drop = is_blocked(&source) || is_too_fast(&source);
	count(&source, ctx->data_end - ctx->data, drop);
	return drop ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
