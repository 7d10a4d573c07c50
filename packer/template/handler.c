// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What becomes of each start: see README.md beside this file. */
#include "handler.h"
#include "event.h"

/* What goes on when this handler is replaced. */
struct counts {
	__u64 starts;
};

/* The number of what the state means: another one when struct counts changes. */
HANDLER(1);
HANDLER_STATE(struct counts);

/* A metric that payload.toml declares. */
COUNTER(starts, "metric_prefix_starts_total");

static bool tell_each;

const char *on_start(void)
{
	tell_each = config_bool("tell_each", true);
	return NULL;
}

static void handle(const struct event *event)
{
	state.starts++;
	counter_add(&starts, 1);
	if (!tell_each)
		return;
	json_begin();
	json_u64("number", state.starts);
	json_u64("pid", event->pid);
	json_u64("uid", event->uid);
	json_text("comm", event->comm, sizeof(event->comm));
	emit("start");
}

/* Each record of the ring `events`. */
HANDLE_EVENTS(events, struct event, handle);
