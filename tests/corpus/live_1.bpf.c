// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The first version. */
struct event {
	unsigned long long seq;
	unsigned int thread;
	int hook;
	unsigned int version;
};

#include "live.h"

static void report(enum hook hook, __u64 seq)
{
	struct event *event = emit_reserve(&events, struct event);

	if (!event)
		return;
	event->seq = seq;
	event->thread = (__u32)bpf_get_current_pid_tgid();
	event->hook = hook;
	event->version = 1;
	emit_submit(event);
}
