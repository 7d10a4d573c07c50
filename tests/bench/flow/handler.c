// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The handler of `bench handler`: counts and times by command and process, a histogram, a prefix,
 * and whether any record is missing or comes twice. tests/src/bin/closure.rs does the same. */
#include "handler.h"
#include "event.h"
#include "build.h"

#define SLOTS 1024

struct slot {
	__u64 key;
	__u64 count;
	__u64 total_ns;
};

struct seen {
	struct slot slots[SLOTS];
	__u64 durations[64];
	__u64 events;
	__u64 in_etc;
	__u64 total_ns;
	__u64 full;
	__u64 next;
	__u64 lost;
	__u64 duplicated;
};

HANDLER(1);
HANDLER_STATE(struct seen);

static void count(const struct event *event)
{
	__u64 first, second, key;
	__u32 at, tried;

	if (event->number != state.next) {
		if (event->number > state.next)
			state.lost += event->number - state.next;
		else
			state.duplicated++;
	}
	state.next = event->number + 1;
	state.events++;
	__builtin_memcpy(&first, event->comm, 8);
	__builtin_memcpy(&second, event->comm + 8, 8);
	key = (first ^ second * 0x9e3779b97f4a7c15ull ^ event->tgid) * 0xff51afd7ed558ccdull;
	key ^= key >> 32;
	key += !key;
	at = key % SLOTS;
	for (tried = 0; tried < SLOTS; tried++, at = (at + 1) % SLOTS) {
		if (state.slots[at].key == key)
			break;
		if (!state.slots[at].key) {
			state.slots[at].key = key;
			break;
		}
	}
	if (tried == SLOTS) {
		state.full++;
		return;
	}
	state.slots[at].count++;
	state.slots[at].total_ns += event->duration_ns;
	state.durations[63 - __builtin_clzll(event->duration_ns | 1)]++;
	/* As in the closure: a jump that can't be foreseen would cost more than all else here. */
	state.in_etc += BEGINS_WITH(event->path, "/etc/");
	state.total_ns += event->duration_ns;
}

HANDLE_EVENTS(flows, struct event, count);

void on_shutdown(enum shutdown_reason reason)
{
	if (reason != SHUTDOWN_STOP)
		return;
	json_begin();
	json_u64("build", BUILD);
	json_u64("events", state.events);
	json_u64("lost", state.lost);
	json_u64("duplicated", state.duplicated);
	json_u64("in_etc", state.in_etc);
	json_u64("total_ns", state.total_ns);
	emit("flows");
}
