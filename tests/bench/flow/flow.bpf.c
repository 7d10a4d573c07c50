// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The ring of `bench handler`: filled on demand, as fast as records can be made. */
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "kernel.bpf.h"
#include "emit.bpf.h"
#include "event.h"

EMITS(struct event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 25);
} flows SEC(".maps");

/* Each record's number, of those that a full ring refuses too, so that what is lost is a gap. */
__u64 made;

SEC("tracepoint/syscalls/sys_enter_getpgid")
int flow(struct trace_event_raw_sys_enter *ctx)
{
	if (ctx->args[0] != FLOW_MARK)
		return 0;
	for (int at = 0; at < FLOW_BATCH; at++) {
		__u64 number = made++;
		__u64 mixed = number * 0x9e3779b97f4a7c15ull;
		struct event *event = emit_reserve(&flows, struct event);

		if (!event)
			continue;
		mixed ^= mixed >> 29;
		__builtin_memset(event, 0, sizeof(*event));
		event->number = number;
		event->pid = mixed % 300;
		event->tgid = mixed % 7;
		event->type = 1;
		event->duration_ns = mixed >> 40;
		__builtin_memcpy(event->comm, "worker-", 7);
		event->comm[7] = '0' + mixed % 10;
		event->comm[8] = '0' + (mixed >> 8) % 4;
		if (mixed % 5)
			__builtin_memcpy(event->path, "/usr/lib/libflow.so", 19);
		else
			__builtin_memcpy(event->path, "/etc/flow.conf", 14);
		emit_submit(event);
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
