// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A ring to user space and one from it. */
#include "case.h"

LICENSED;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ringbuf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} user_ringbuf SEC(".maps");

static long take(struct bpf_dynptr *record, void *ctx)
{
	return 0;
}

HOOK int emit(void *ctx)
{
	__u64 now = bpf_ktime_get_ns();

	bpf_ringbuf_output(&ringbuf, &now, sizeof(now), 0);
	bpf_user_ringbuf_drain(&user_ringbuf, take, NULL, 0);
	return 0;
}
