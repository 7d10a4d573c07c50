// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Text that is put together in a room of fixed size: what the kernel gave as bytes becomes UTF-8,
 * each piece that is none becomes U+FFFD. What does not fit is left out, and `is_cut` says so.
 * Included by handler.h.
 */
#ifndef MARROW_HANDLER_TEXT_H
#define MARROW_HANDLER_TEXT_H

#include <stdarg.h>

#include "handler_memory.h"

/* The longest line of the log. */
#define LOG_BYTES_MAX 512
/* The longest 64-bit number, with its sign. */
#define DIGITS_MAX 20
/* "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255" and its NUL. */
#define ADDRESS_ROOM 46

/* What the invalid becomes, in UTF-8. */
#define REPLACEMENT "\xef\xbf\xbd"

struct text {
	char *at;
	char *end;
	bool is_cut;
};

/* A text over an array of chars. */
#define TEXT_IN(room) ((struct text){.at = (room), .end = (room) + sizeof(room)})

static inline void text_bytes(struct text *text, const char *bytes, __u32 length)
{
	if (length > (__u32)(text->end - text->at))
		text->is_cut = true;
	if (text->is_cut)
		return;
	for (__u32 i = 0; i < length; i++)
		*text->at++ = bytes[i];
}

static inline void text_char(struct text *text, char c)
{
	text_bytes(text, &c, 1);
}

static inline void text_put(struct text *text, const char *of)
{
	text_bytes(text, of, strlen(of));
}

/* Bytes up to the first NUL, or all of the room. */
static inline __u32 text_length(const char *from, __u32 room)
{
	__u32 length = 0;

	while (length < room && from[length])
		length++;
	return length;
}

/*
 * The bytes of the character that begins at `at`, or of what is cut off or wrong there (Unicode 15,
 * table 3-7). Never 0, so that whoever reads on comes to the end.
 */
static inline __u32 utf8_step(const char *bytes, __u32 length, bool *is_character)
{
	const __u8 *at = (const __u8 *)bytes;
	__u8 low = 0x80, high = 0xbf;
	__u32 step = 1, more = 0;

	*is_character = at[0] < 0x80;
	if (at[0] >= 0xc2 && at[0] <= 0xdf) {
		more = 1;
	} else if (at[0] >= 0xe0 && at[0] <= 0xef) {
		more = 2;
		low = at[0] == 0xe0 ? 0xa0 : 0x80;
		high = at[0] == 0xed ? 0x9f : 0xbf;
	} else if (at[0] >= 0xf0 && at[0] <= 0xf4) {
		more = 3;
		low = at[0] == 0xf0 ? 0x90 : 0x80;
		high = at[0] == 0xf4 ? 0x8f : 0xbf;
	} else {
		return 1;
	}
	for (; more && step < length && at[step] >= low && at[step] <= high; more--, step++) {
		low = 0x80;
		high = 0xbf;
	}
	*is_character = !more;
	return step;
}

/* Bytes as UTF-8. */
static inline void text_utf8(struct text *text, const char *bytes, __u32 length)
{
	while (length) {
		bool is_character;
		__u32 step = utf8_step(bytes, length, &is_character);

		if (is_character)
			text_bytes(text, bytes, step);
		else
			text_put(text, REPLACEMENT);
		bytes += step;
		length -= step;
	}
}

/* A number to a base up to 16, with at least so many digits. */
static inline void text_number(struct text *text, __u64 number, __u32 base, __u32 digits_min)
{
	char digits[DIGITS_MAX];
	__u32 at = DIGITS_MAX;

	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number || DIGITS_MAX - at < digits_min);
	text_bytes(text, digits + at, DIGITS_MAX - at);
}

static inline void text_u64(struct text *text, __u64 number)
{
	text_number(text, number, 10, 1);
}

static inline void text_s64(struct text *text, __s64 number)
{
	if (number < 0)
		text_char(text, '-');
	text_u64(text, number < 0 ? -(__u64)number : (__u64)number);
}

/* With three decimals at most: 0.5, 12, 1.125; null for what is no number, or beyond 2^64. */
static inline void text_double(struct text *text, double number)
{
	__u64 whole, thousandths = 0;
	__u32 digits = 3;

	if (!(number > -0x1p64 && number < 0x1p64)) {
		text_put(text, "null");
		return;
	}
	if (number < 0) {
		text_char(text, '-');
		number = -number;
	}
	whole = (__u64)number;
	/* Larger ones have no thousandths. */
	if (number < 0x1p43) {
		thousandths = (__u64)(number * 1000 + 0.5);
		whole = thousandths / 1000;
		thousandths %= 1000;
	}
	text_u64(text, whole);
	if (!thousandths)
		return;
	for (; thousandths % 10 == 0; digits--)
		thousandths /= 10;
	text_char(text, '.');
	text_number(text, thousandths, 10, digits);
}

/* What the kernel gave as UTF-8 with a NUL: a label, or a key of a table. */
static inline void text_copy(char *room, __u32 room_bytes, const char *from, __u32 bytes)
{
	struct text text = {.at = room, .end = room + room_bytes - 1};

	text_utf8(&text, from, text_length(from, bytes));
	*text.at = 0;
}

/* What the kernel gave as a key: behind its NUL the kernel leaves what was there before. */
static inline void text_key(char *room, __u32 room_bytes, const char *from)
{
	__u32 length = text_length(from, room_bytes);

	for (__u32 i = 0; i < room_bytes; i++)
		room[i] = i < length ? from[i] : 0;
}

/* The longest run of zero groups, which is left out (RFC 5952); none of fewer than two. */
static inline __u32 address_gap(const __u8 address[16], __u32 *groups)
{
	__u32 begin = 8, run = 0;

	*groups = 1;
	for (__u32 at = 0; at < 8; at++) {
		run = address[2 * at] || address[2 * at + 1] ? 0 : run + 1;
		if (run > *groups) {
			*groups = run;
			begin = at + 1 - run;
		}
	}
	return begin;
}

/* An address of 16 bytes; IPv4 that is mapped into IPv6 is shown as IPv4. */
static inline void text_address(struct text *text, const __u8 address[16])
{
	static const __u8 mapped[12] = {[10] = 0xff, [11] = 0xff};
	__u32 groups, gap;

	if (!memcmp(address, mapped, sizeof(mapped))) {
		for (__u32 at = 12; at < 16; at++) {
			if (at > 12)
				text_char(text, '.');
			text_u64(text, address[at]);
		}
		return;
	}
	gap = address_gap(address, &groups);
	for (__u32 at = 0; at < 8; at++) {
		if (at == gap) {
			text_put(text, "::");
			at += groups - 1;
			continue;
		}
		if (at && at != gap + groups)
			text_char(text, ':');
		text_number(text, address[2 * at] << 8 | address[2 * at + 1], 16, 1);
	}
}

/* One of %s, %.*s, %c, %d, %u, %x, the numbers with l or ll. Gives where it ends. */
static const char *text_piece(struct text *text, const char *form, va_list *values)
{
	__u32 room = ~0u, longs = 0;
	__s64 number;

	if (form[0] == '.' && form[1] == '*') {
		room = va_arg(*values, int);
		form += 2;
	}
	for (; *form == 'l'; form++)
		longs++;
	if (*form == 's') {
		const char *of = va_arg(*values, const char *);

		text_utf8(text, of, text_length(of, room));
	} else if (*form == 'c') {
		char c = (char)va_arg(*values, int);

		text_utf8(text, &c, 1);
	} else if (*form == 'd' || *form == 'u' || *form == 'x') {
		number = longs > 1 ? va_arg(*values, __s64) : va_arg(*values, int);
		if (*form == 'd')
			text_s64(text, number);
		else
			text_number(text, longs > 1 ? (__u64)number : (__u32)number,
				    *form == 'x' ? 16 : 10, 1);
	} else {
		/* %%, and what is not known here, stand for themselves. */
		text_char(text, *form);
	}
	return form + 1;
}

/* As printf, with what text_piece() knows. */
static inline void text_forms(struct text *text, const char *form, va_list *values)
{
	while (*form) {
		if (*form == '%' && form[1])
			form = text_piece(text, form + 1, values);
		else
			text_char(text, *form++);
	}
}

#define FORM_AT(form) __attribute__((format(printf, form, form + 1), unused))

/* A text with a NUL behind it; clang checks the values. */
FORM_AT(3) static void text_form(char *room, __u32 room_bytes, const char *form, ...)
{
	struct text text = {.at = room, .end = room + room_bytes - 1};
	va_list values;

	va_start(values, form);
	text_forms(&text, form, &values);
	va_end(values);
	*text.at = 0;
}

/* A line for the node's log. */
FORM_AT(2) static void log_line(enum log_level level, const char *form, ...)
{
	char room[LOG_BYTES_MAX];
	struct text text = TEXT_IN(room);
	va_list values;

	va_start(values, form);
	text_forms(&text, form, &values);
	va_end(values);
	host_log(level, room, text.at - room);
}

#endif
