// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a handler in C is written with: this header, clang for wasm32, and no C library.
 *
 *	#include "handler.h"
 *	#include "event.h"			struct event, as the object has it
 *
 *	HANDLER(1);				the number of what the state means
 *	HANDLER_STATE(struct counts);		the variable `state`, kept over updates
 *	COUNTER(opens, "opens_total");
 *
 *	static void handle(const struct event *event)
 *	{
 *		state.opens++;
 *		counter_add(&opens, 1);
 *	}
 *
 *	HANDLE_EVENTS(events, struct event, handle);	the ring of that name
 *
 *	void on_tick(__u64 now_ns)		once a second
 *	{
 *		json_begin();
 *		json_u64("opens", state.opens);
 *		emit("counts");
 *	}
 *
 * The state is the bytes of its struct, without pointers. What is not in it is gone when the node
 * replaces the handler, or begins anew behind a fault.
 */
#ifndef MARROW_HANDLER_H
#define MARROW_HANDLER_H

#include "handler_host.h"
#include "handler_memory.h"
#include "handler_text.h"
#include "handler_json.h"
#include "handler_metric.h"
#include "handler_map.h"
#include "handler_ask.h"
#include "handler_table.h"

/* Of each record's first word; the length is the rest. */
#define RECORD_BUSY (1u << 31)
#define RECORD_DISCARD (1u << 30)
#define RECORD_HEADER_BYTES 8u

/* What an author may write. All of them are optional. */

/* The state is there. Gives why the handler can't run, or NULL. */
__attribute__((weak)) const char *on_start(void);
/* Fills `state` from that of a schema that HANDLER accepts beside its own. */
__attribute__((weak)) const char *on_older_state(__u32 schema, const void *bytes, __u32 length);
/* Once a second; nanoseconds of now_mono(). */
__attribute__((weak)) void on_tick(__u64 now_ns);
__attribute__((weak)) void on_shutdown(enum shutdown_reason reason);

/* What the node reads before any code runs: the schema of the state, and others it goes on with. */
#define HANDLER(schema, ...)                                                                       \
	__asm__(".section \".custom_section.handler-abi\",\"\",@\n"                                \
		".ascii \"world=1.0.0;sdk=c/1;schema=" #schema ";accepts=" #__VA_ARGS__ "\"\n");   \
	const __u32 handler_schema = (schema)

extern const __u32 handler_schema;

static struct {
	void *bytes;
	__u32 length;
} handler_state;

/* The variable `state`, which goes from one handler to the next. */
#define HANDLER_STATE(type)                                                                        \
	static type state;                                                                         \
	__attribute__((constructor)) static void handler_state_known(void)                         \
	{                                                                                          \
		handler_state.bytes = &state;                                                      \
		handler_state.length = sizeof(state);                                              \
	}                                                                                          \
	_Static_assert(sizeof(type) <= 64 << 20, "no node keeps more than 64 MiB")

/* Records of a ring, as far as they have been looked at. */
struct walk {
	const char *at;
	const char *end;
	/* Up to here, what is WALK_AHEAD_BYTES further on is fetched. */
	const char *fetched_end;
	/* Records that were shorter than what they should hold. */
	__u32 short_records;
};

struct ring_reader {
	struct ring_reader *next;
	const char *ring;
	__u32 event_bytes;
	/* Its number and one more; 0 while the node has not told it. */
	__u32 number;
	void (*read)(struct walk *walk);
	__u64 short_records;
};

static struct ring_reader *ring_readers;

/* A load of another line is waited for by what needs it, so that one of a record that comes soon is
 * had for nothing. WebAssembly knows no other way to fetch. */
#define WALK_AHEAD_BYTES 1024
#define WALK_LINE_BYTES 64
#define WALK_LINES 3

static inline __attribute__((always_inline)) void walk_fetch(const struct walk *walk)
{
	if (walk->at >= walk->fetched_end)
		return;
	for (int line = 0; line < WALK_LINES; line++)
		(void)*(const volatile char *)(walk->at + WALK_AHEAD_BYTES +
					       line * WALK_LINE_BYTES);
}

/* Bytes from a record of this length to the next. */
static inline __attribute__((always_inline)) __u32 walk_step(__u32 length)
{
	return (length + RECORD_HEADER_BYTES + 7) & ~7u;
}

/* The next record that is whole, or NULL at the end and where one is still written or cut. */
static inline __attribute__((always_inline)) const void *walk_next(struct walk *walk, __u32 bytes)
{
	while (walk->at < walk->end) {
		const char *record = walk->at;
		/* What was written before its word is seen with it. */
		__u32 word = __atomic_load_n((const __u32 *)record, __ATOMIC_ACQUIRE);
		__u32 left = walk->end - record;

		/* Either bit makes it longer than any span: most records are asked one question. */
		if (walk_step(word) > left) {
			__u32 length = word & ~RECORD_DISCARD;

			if (length == word || walk_step(length) > left)
				return NULL;
			walk->at += walk_step(length);
			continue;
		}
		walk_fetch(walk);
		walk->at += walk_step(word);
		if (word < bytes)
			walk->short_records++;
		else
			return record + RECORD_HEADER_BYTES;
	}
	return NULL;
}

/* Goes through the records of a span; `event` is a pointer to what they hold. */
#define FOR_EACH_EVENT(event, walk) while (((event) = walk_next(walk, sizeof(*(event)))))

/* Calls `handle` with each event of the ring of this name. */
#define HANDLE_EVENTS(ring_name, type, handle)                                                     \
	static void ring_name##_each(struct walk *span)                                            \
	{                                                                                          \
		/* Its own, so that clang keeps it in registers. */                                \
		struct walk walk = *span;                                                          \
		const type *event;                                                                 \
                                                                                                   \
		FOR_EACH_EVENT(event, &walk)                                                       \
			handle(event);                                                             \
		*span = walk;                                                                      \
	}                                                                                          \
	HANDLE_SPANS(ring_name, type, ring_name##_each)

/* Calls `handle` with each span of records, so that it can do something before and behind them. */
#define HANDLE_SPANS(ring_name, type, handle)                                                      \
	static struct ring_reader ring_name##_reader = {                                           \
		.ring = #ring_name,                                                                \
		.event_bytes = sizeof(type),                                                       \
		.read = handle,                                                                    \
	};                                                                                         \
	__attribute__((constructor)) static void ring_name##_known(void)                           \
	{                                                                                          \
		ring_name##_reader.next = ring_readers;                                            \
		ring_readers = &ring_name##_reader;                                                \
	}                                                                                          \
	_Static_assert(sizeof(type) > 0, "events of " #ring_name)

/* A ring as `init` is told of it. */
struct handler_ring {
	struct host_bytes name;
	struct host_bytes event;
	__u32 size_bytes;
};

/* result<_, string> */
struct handler_answer {
	__u8 is_refused;
	struct host_bytes why;
};

struct handler_snapshot {
	__u32 schema;
	struct host_bytes bytes;
};

_Static_assert(sizeof(struct handler_ring) == 20, "ring");
_Static_assert(sizeof(struct handler_answer) == 12, "result<_, string>");
_Static_assert(sizeof(struct handler_snapshot) == 12, "state");

/* NULL, or why the state of the handler before can't be taken. */
static inline const char *handler_take_state(__u32 schema, const void *bytes, __u32 length)
{
	static char why[LOG_BYTES_MAX];

	if (schema != handler_schema && on_older_state)
		return on_older_state(schema, bytes, length);
	if (schema == handler_schema && length == handler_state.length) {
		memcpy(handler_state.bytes, bytes, length);
		return NULL;
	}
	text_form(why, sizeof(why),
		  "the state before is %u bytes of schema %u, this handler's %u of %u", length,
		  schema, handler_state.length, handler_schema);
	return why;
}

/* NULL, or which ring of the handler the payload does not have. */
static inline const char *handler_find_rings(const struct handler_ring *rings, __u32 count)
{
	static char why[LOG_BYTES_MAX];

	for (struct ring_reader *reader = ring_readers; reader; reader = reader->next) {
		for (__u32 i = 0; i < count; i++)
			if (rings[i].name.length == strlen(reader->ring) &&
			    !memcmp(rings[i].name.at, reader->ring, rings[i].name.length))
				reader->number = i + 1;
		if (reader->number)
			continue;
		text_form(why, sizeof(why), "the payload has no ring %s", reader->ring);
		return why;
	}
	return NULL;
}

/* The lowest address that an argument of `init` has. */
static inline const void *handler_lowest(const struct handler_ring *rings, __u32 count,
					 const void *bytes, __u32 length)
{
	const char *lowest = arena.at;

	if (length && (const char *)bytes < lowest)
		lowest = bytes;
	if (count && (const char *)rings < lowest)
		lowest = (const char *)rings;
	for (__u32 i = 0; i < count; i++) {
		if (rings[i].name.length && rings[i].name.at < lowest)
			lowest = rings[i].name.at;
		if (rings[i].event.length && rings[i].event.at < lowest)
			lowest = rings[i].event.at;
	}
	return lowest;
}

/* By the linker: calls what is marked as a constructor. */
extern void __wasm_call_ctors(void);

EXPORT("init")
const struct handler_answer *handler_init(const struct handler_ring *rings, __u32 rings_count,
					  __u32 is_state, __u32 schema, const void *bytes,
					  __u32 length)
{
	static struct handler_answer answer;
	const char *why = NULL;

	__wasm_call_ctors();
	arena_begin();
	if (!is_state)
		length = 0;
	arena_keep_below(handler_lowest(rings, rings_count, bytes, length));
	if (is_state)
		why = handler_take_state(schema, bytes, length);
	if (!why)
		why = handler_find_rings(rings, rings_count);
	maps_open();
	if (!why && on_start)
		why = on_start();
	answer.is_refused = why != NULL;
	if (why)
		answer.why = (struct host_bytes){why, strlen(why)};
	arena_reset();
	return &answer;
}

/* Has a span read; gives how many bytes of it were. */
static inline __u32 handler_read(__u32 ring, struct walk walk)
{
	const char *records = walk.at;
	struct ring_reader *reader = ring_readers;

	while (reader && reader->number != ring + 1)
		reader = reader->next;
	if (reader) {
		reader->read(&walk);
		reader->short_records += walk.short_records;
	} else {
		/* Nobody wants them. */
		while (walk_next(&walk, 0))
			;
	}
	arena_reset();
	return walk.at - records;
}

/* Records that the node has looked at, and has near. */
EXPORT("on-events") __u32 handler_on_events(__u32 ring, const char *records, __u32 bytes)
{
	struct walk walk = {.at = records, .end = records + bytes, .fetched_end = records};

	return handler_read(ring, walk);
}

/* What is in a window, and nobody has looked at: the kernel may write there, and the end may be
 * that of no record. */
EXPORT("on-window") __u32 handler_on_window(__u32 ring, const char *records, __u32 bytes)
{
	const __u32 ahead = WALK_AHEAD_BYTES + WALK_LINES * WALK_LINE_BYTES;
	struct walk walk = {.at = records, .end = records + bytes, .fetched_end = records};

	if (bytes > ahead)
		walk.fetched_end = walk.end - ahead;
	return handler_read(ring, walk);
}

EXPORT("on-tick") void handler_on_tick(__u64 now_ns)
{
	for (struct ring_reader *reader = ring_readers; reader; reader = reader->next) {
		if (reader->short_records)
			log_line(LOG_WARN, "%llu records of ring %s are shorter than %u bytes",
				 reader->short_records, reader->ring, reader->event_bytes);
		reader->short_records = 0;
	}
	if (outputs_lost)
		log_line(LOG_WARN, "%llu outputs were too long or refused", outputs_lost);
	outputs_lost = 0;
	if (on_tick)
		on_tick(now_ns);
	arena_reset();
}

EXPORT("snapshot") const struct handler_snapshot *handler_on_snapshot(void)
{
	static struct handler_snapshot snapshot;

	snapshot.schema = handler_schema;
	snapshot.bytes = (struct host_bytes){handler_state.bytes, handler_state.length};
	return &snapshot;
}

EXPORT("shutdown") void handler_on_shutdown(enum shutdown_reason reason)
{
	if (on_shutdown)
		on_shutdown(reason);
	arena_reset();
}

#endif
