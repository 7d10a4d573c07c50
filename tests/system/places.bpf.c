// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One program of each sort of place that a target can name; each is given its own by the test. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile int answer = 2;

/* Keeps the object from having no hook where a test gives no target. */
SEC("tracepoint/sched/sched_process_exec") int always(void *ctx)
{
	return 0;
}

SEC("xdp") int packets(struct xdp_md *ctx)
{
	return answer;
}

SEC("cgroup/post_bind4") int binds(struct bpf_sock *ctx)
{
	return 1;
}

SEC("sk_lookup") int lookups(struct bpf_sk_lookup *ctx)
{
	return SK_PASS;
}

SEC("uprobe") int calls(void *ctx)
{
	return 0;
}

SEC("uprobe.s") int naps(void *ctx)
{
	return 0;
}

SEC("perf_event") int samples(void *ctx)
{
	return 0;
}
