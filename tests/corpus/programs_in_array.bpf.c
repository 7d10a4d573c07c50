// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One program that others tail-call, one that calls it: only the second is for a cgroup. */
#include "case.h"

LICENSED;

int called(struct __sk_buff *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__array(values, int(void *));
} others SEC(".maps") = {
	.values = {[0] = (void *)&called},
};

SEC("cgroup_skb/ingress") int called(struct __sk_buff *ctx)
{
	return 1;
}

SEC("cgroup_skb/ingress") int calls(struct __sk_buff *ctx)
{
	bpf_tail_call(ctx, &others, 0);
	return 1;
}
