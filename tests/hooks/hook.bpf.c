// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One program at one hook, compiled once a line of cases.txt, which gives SECTION, FILTER, PASS and
 * DENY. It counts its runs by the version it was started with, and answers PASS or DENY.
 */
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set by the test. */
const volatile int tgid;
const volatile int version;
const volatile int deny;

/* Goes on from generation to generation; an entry a version. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static __always_inline int counted(_Bool ours)
{
	__u32 key = version;
	__u64 *count;

	if (!ours)
		return PASS;
	count = bpf_map_lookup_elem(&counts, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	return deny ? DENY : PASS;
}

static __always_inline __attribute__((unused)) _Bool by_the_test(void)
{
	return bpf_get_current_pid_tgid() >> 32 == (__u32)tgid;
}

#define ALWAYS 1
#define TGID 2
#define ENTERED 3
#define SKB 4
#define XDP 5
#define NETFILTER 6
#define PRCTL 7
#define CONNECTED 8
#define SOCKOPT 9
#define ZERO 10
#define DGRAM 11
#define PROBED 12
#define OPERATION 13
#define SYSCTL 14

#if FILTER == ALWAYS
#define CONTEXT void
#define OURS 1
#elif FILTER == TGID
#define CONTEXT void
#define OURS by_the_test()
#elif FILTER == ENTERED
/* The system call's number is the second word of both sorts of context. */
#define CONTEXT long
#define OURS (ctx[1] == NR_GETSID && by_the_test())
#elif FILTER == SKB
/* The test's datagrams are the only packets of this length, with or without Ethernet's header. */
#define CONTEXT struct __sk_buff
#define OURS (ctx->len == DATAGRAM || ctx->len == DATAGRAM + 14)
#elif FILTER == XDP
#define CONTEXT struct xdp_md
#define OURS (ctx->data_end - ctx->data == DATAGRAM + 14)
#elif FILTER == NETFILTER
struct sk_buff {
	unsigned int len;
} __attribute__((preserve_access_index));
struct bpf_nf_ctx {
	const void *state;
	struct sk_buff *skb;
} __attribute__((preserve_access_index));
#define CONTEXT struct bpf_nf_ctx
#define OURS (ctx->skb->len == DATAGRAM)
#elif FILTER == PRCTL
#define CONTEXT unsigned long long
#define OURS (ctx[0] == NO_PRCTL && by_the_test())
#elif FILTER == CONNECTED
#define CONTEXT struct bpf_sock_ops
#define OURS (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
#elif FILTER == SOCKOPT
#define CONTEXT struct bpf_sockopt
#define OURS (ctx->level == 1 && ctx->optname == 12)
#elif FILTER == ZERO
#define CONTEXT struct bpf_cgroup_dev_ctx
#define OURS (ctx->major == 1 && ctx->minor == 5)
#elif FILTER == DGRAM
#define CONTEXT struct bpf_sock_addr
#define OURS (ctx->type == 2)
#elif FILTER == SYSCTL
/* The C library reads others now and then. */
static __always_inline _Bool is_ostype(struct bpf_sysctl *ctx)
{
	char name[8] = {};

	bpf_sysctl_get_name(ctx, name, sizeof(name), BPF_F_SYSCTL_BASE_NAME);
	return name[0] == 'o' && name[1] == 's' && name[2] == 't';
}
#define CONTEXT struct bpf_sysctl
#define OURS is_ostype(ctx)
#elif FILTER == PROBED
/* The maps in which libbpf keeps what it knows of a probe's arguments. */
#include <stdbool.h>
#include <linux/ptrace.h>
#include <bpf/usdt.bpf.h>
#define CONTEXT struct pt_regs
#define OURS by_the_test()
#elif FILTER == OPERATION
#define CONTEXT void
#define OURS 1
#else
#error "FILTER"
#endif

#define NR_GETSID 124
#define NO_PRCTL 0x6d617272
#define DATAGRAM 1028

SEC(SECTION) int hooks_program(CONTEXT *ctx)
{
	return counted(OURS);
}

#if FILTER == OPERATION
/* Congestion control that does next to nothing; the program sees each connection begin. */
struct sock;

struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
	void (*init)(struct sock *sk);
	char name[16];
} __attribute__((preserve_access_index));

SEC("struct_ops/ssthresh") __u32 ssthresh(__u64 *ctx)
{
	return 2;
}

SEC("struct_ops/cong_avoid") void cong_avoid(__u64 *ctx)
{
}

SEC("struct_ops/undo_cwnd") __u32 undo_cwnd(__u64 *ctx)
{
	return 2;
}

SEC(".struct_ops.link")
struct tcp_congestion_ops hooks_ops = {
	.ssthresh = (void *)ssthresh,
	.cong_avoid = (void *)cong_avoid,
	.undo_cwnd = (void *)undo_cwnd,
	.init = (void *)hooks_program,
	.name = "marrow_test",
};
#endif
