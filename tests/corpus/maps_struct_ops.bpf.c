// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A kernel operations struct: congestion control that does nothing. */
#include "case.h"

LICENSED;

struct sock;

struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
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

SEC(".struct_ops")
struct tcp_congestion_ops marrow = {
	.ssthresh = (void *)ssthresh,
	.cong_avoid = (void *)cong_avoid,
	.undo_cwnd = (void *)undo_cwnd,
	.name = "marrow_case",
};
