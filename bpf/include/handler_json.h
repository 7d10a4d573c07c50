// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Outputs: one JSON object at a time, put together in a static room and emitted to a stream.
 *
 *	json_begin();
 *	json_text("command", event->comm, sizeof(event->comm));
 *	json_u64("pid", event->pid);
 *	json_array("ancestors");	the fields of an array have no key: NULL
 *	...
 *	json_close();
 *	emit("exec");
 *
 * An object that does not fit is not emitted, so that none is ever cut, and is counted.
 * Included by handler.h.
 */
#ifndef MARROW_HANDLER_JSON_H
#define MARROW_HANDLER_JSON_H

#include "handler_text.h"

/* The longest output; define it before handler.h is included for another one. */
#ifndef JSON_BYTES_MAX
#define JSON_BYTES_MAX 65536
#endif
/* Objects and arrays within each other. */
#define JSON_DEPTH_MAX 32

static struct {
	char room[JSON_BYTES_MAX];
	struct text text;
	/* What closes each object and array that is open, the innermost last. */
	char closing[JSON_DEPTH_MAX];
	__u32 depth;
	/* Whether something stands before the next field. */
	bool is_followed;
} json;

/* Outputs that were too long, or that the node refused. */
static __u64 outputs_lost;

static inline void json_open(char opening, char closing)
{
	if (json.depth == JSON_DEPTH_MAX) {
		json.text.is_cut = true;
		return;
	}
	text_char(&json.text, opening);
	json.closing[json.depth++] = closing;
	json.is_followed = false;
}

/* Ends the innermost object or array. */
static inline void json_close(void)
{
	if (!json.depth)
		return;
	text_char(&json.text, json.closing[--json.depth]);
	json.is_followed = true;
}

/* Begins an output; what was not emitted is forgotten. */
static inline void json_begin(void)
{
	json.text = TEXT_IN(json.room);
	json.depth = 0;
	json_open('{', '}');
}

/* Up to the next byte that JSON does not take as it is. */
static inline __u32 json_plain(const char *bytes, __u32 length)
{
	__u32 plain = 0;

	while (plain < length) {
		__u8 byte = (__u8)bytes[plain];

		if (byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\')
			break;
		plain++;
	}
	return plain;
}

/* Bytes as a JSON string, in quotes. */
static inline void json_quoted(const char *bytes, __u32 length)
{
	struct text *text = &json.text;

	text_char(text, '"');
	while (length) {
		__u32 step = json_plain(bytes, length);
		bool is_character = true;

		if (step) {
			text_bytes(text, bytes, step);
		} else if (*bytes == '"' || *bytes == '\\') {
			text_char(text, '\\');
			text_char(text, *bytes);
			step = 1;
		} else if ((__u8)*bytes < 0x20) {
			text_put(text, "\\u");
			text_number(text, (__u8)*bytes, 16, 4);
			step = 1;
		} else {
			step = utf8_step(bytes, length, &is_character);
			text_utf8(text, bytes, step);
		}
		bytes += step;
		length -= step;
	}
	text_char(text, '"');
}

/* The comma and the key before a value. */
static inline void json_key(const char *key)
{
	if (json.is_followed)
		text_char(&json.text, ',');
	json.is_followed = true;
	if (!key)
		return;
	json_quoted(key, strlen(key));
	text_char(&json.text, ':');
}

static inline void json_object(const char *key)
{
	json_key(key);
	json_open('{', '}');
}

static inline void json_array(const char *key)
{
	json_key(key);
	json_open('[', ']');
}

/* What the kernel gave: up to the first NUL, or all of the room. */
static inline void json_text(const char *key, const char *from, __u32 room)
{
	json_key(key);
	json_quoted(from, text_length(from, room));
}

static inline void json_str(const char *key, const char *text)
{
	json_text(key, text, ~0u);
}

static inline void json_u64(const char *key, __u64 number)
{
	json_key(key);
	text_u64(&json.text, number);
}

static inline void json_s64(const char *key, __s64 number)
{
	json_key(key);
	text_s64(&json.text, number);
}

/* With three decimals at most. */
static inline void json_double(const char *key, double number)
{
	json_key(key);
	text_double(&json.text, number);
}

static inline void json_bool(const char *key, bool truth)
{
	json_key(key);
	text_put(&json.text, truth ? "true" : "false");
}

/* An address of 16 bytes, IPv4 mapped. */
static inline void json_address(const char *key, const __u8 address[16])
{
	char room[ADDRESS_ROOM];
	struct text text = TEXT_IN(room);

	text_address(&text, address);
	json_key(key);
	json_quoted(room, text.at - room);
}

/* Closes what is open, and emits it. It goes to the sinks when the handler's call has returned. */
static inline enum host_outcome emit(const char *stream)
{
	struct host_small result;
	enum host_outcome outcome;

	while (json.depth)
		json_close();
	if (json.text.is_cut) {
		outcome = HOST_LIMITED;
	} else {
		host_emit(stream, strlen(stream), json.room, json.text.at - json.room, &result);
		outcome = outcome_of(result.is_refused, result.value);
	}
	if (outcome)
		outputs_lost++;
	return outcome;
}

#endif
