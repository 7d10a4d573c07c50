// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What else a handler may know: settings that payload.toml declares, whether it is time, processes,
 * the layout of a ring's struct. Included by handler.h.
 */
#ifndef MARROW_HANDLER_ASK_H
#define MARROW_HANDLER_ASK_H

#include "handler_text.h"

#define NS_PER_S 1000000000ULL
#define NS_PER_US 1000ULL

/* The text of a setting with a NUL behind it; the empty one where the manifest has none. */
static inline bool config_text(const char *key, char *room, __u32 room_bytes)
{
	char *mark = arena.at;
	struct host_setting setting;

	host_config(key, strlen(key), &setting);
	*room = 0;
	if (setting.is_there)
		text_copy(room, room_bytes, setting.text.at, setting.text.length);
	arena_release(mark);
	return setting.is_there;
}

/* A setting that is a number from `min` to `max`; else `otherwise`, and the log says so. */
static inline __u64 config_u64(const char *key, __u64 min, __u64 max, __u64 otherwise)
{
	char text[DIGITS_MAX + 2];
	__u64 number = 0;
	bool is_number = config_text(key, text, sizeof(text)) && *text;

	for (const char *at = text; is_number && *at; at++) {
		is_number = *at >= '0' && *at <= '9' && number <= (~0ULL - 9) / 10;
		number = number * 10 + (__u64)(*at - '0');
	}
	if (is_number && number >= min && number <= max)
		return number;
	log_line(LOG_WARN, "setting %s is \"%s\", no number from %llu to %llu: %llu is taken", key,
		 text, min, max, otherwise);
	return otherwise;
}

/* A setting that is `true` or `false`. */
static inline bool config_bool(const char *key, bool otherwise)
{
	char text[sizeof("false") + 1];

	config_text(key, text, sizeof(text));
	if (!strcmp(text, "true") || !strcmp(text, "false"))
		return *text == 't';
	log_line(LOG_WARN, "setting %s is \"%s\", neither true nor false", key, text);
	return otherwise;
}

/* The nanoseconds since the last time that so many seconds were over, 0 while they are not. */
static inline __u64 every(__u64 *since_ns, __u64 now_ns, __u64 seconds)
{
	__u64 passed_ns;

	if (!*since_ns)
		*since_ns = now_ns;
	passed_ns = now_ns - *since_ns;
	if (!seconds || passed_ns < seconds * NS_PER_S)
		return 0;
	*since_ns = now_ns;
	return passed_ns;
}

/*
 * What is known of a process: what it points to is there until the call of the handler ends. There
 * is none where it has ended, or where the node does not let a handler ask.
 */
static inline bool process_of(__u32 pid, struct host_process *process)
{
	host_process(pid, process);
	return process->is_there;
}

/* The fields of a ring's struct, by its number; none for raw bytes. */
static inline struct host_fields layout_of(__u32 ring)
{
	struct host_fields fields;

	host_layout(ring, &fields);
	return fields;
}

#endif
