// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The ring of `bench events`: filled on demand, as fast as records can be made. */
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../../bpf/include/kernel.bpf.h"
#include "../../bpf/include/emit.bpf.h"
#include "flood.h"

EMITS(struct event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 25);
} events SEC(".maps");

static const char filename[64] = "/usr/lib/x86_64-linux-gnu/libc.so.6";

__u64 made;

SEC("tracepoint/syscalls/sys_enter_getpgid")
int flood(struct trace_event_raw_sys_enter *ctx)
{
	if (ctx->args[0] != FLOOD_MARK)
		return 0;
	for (int at = 0; at < FLOOD_BATCH; at++) {
		struct event *event = emit_reserve(&events, struct event);

		if (!event)
			return 0;
		event->time_ns = bpf_ktime_get_ns();
		event->number = made++;
		event->kind = at % 7 ? OPENED : REFUSED;
		event->pid = bpf_get_current_pid_tgid() >> 32;
		event->uid = bpf_get_current_uid_gid();
		event->ret = at % 7 ? at : -13;
		bpf_get_current_comm(event->comm, sizeof(event->comm));
		__builtin_memcpy(event->filename, filename, sizeof(filename));
		emit_submit(event);
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
