// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Memory of a handler: the few functions that clang calls by itself, the arena that the node puts
 * arguments and results into, and the windows that it maps rings over.
 * Included by handler.h. Nothing here may become memory.fill or memory.copy: on a window they end
 * the whole node, which therefore refuses modules that have them.
 */
#ifndef MARROW_HANDLER_MEMORY_H
#define MARROW_HANDLER_MEMORY_H

#include "handler_host.h"

#define EXPORT(name) __attribute__((export_name(name)))
#define WASM_PAGE_BYTES 65536u
/* What the widest type needs, and the records of a batch. */
#define ARENA_ALIGN 8u

/* Loops that stay loops: clang would take them for the functions that they are. */
#define LOOP(name) __attribute__((weak, no_builtin(name)))

LOOP("memcpy") void *memcpy(void *to, const void *from, size_t bytes)
{
	char *into = to;
	const char *at = from;

	for (; bytes >= sizeof(__u64); bytes -= sizeof(__u64)) {
		__u64 word;

		__builtin_memcpy(&word, at, sizeof(word));
		__builtin_memcpy(into, &word, sizeof(word));
		at += sizeof(word);
		into += sizeof(word);
	}
	while (bytes--)
		*into++ = *at++;
	return to;
}

LOOP("memmove") void *memmove(void *to, const void *from, size_t bytes)
{
	char *into = to;
	const char *at = from;

	if (into <= at)
		while (bytes--)
			*into++ = *at++;
	else
		while (bytes--)
			into[bytes] = at[bytes];
	return to;
}

LOOP("memset") void *memset(void *to, int value, size_t bytes)
{
	char *into = to;
	__u64 word = (__u8)value * 0x0101010101010101ULL;

	for (; bytes >= sizeof(word); bytes -= sizeof(word)) {
		__builtin_memcpy(into, &word, sizeof(word));
		into += sizeof(word);
	}
	while (bytes--)
		*into++ = (char)value;
	return to;
}

LOOP("memcmp") int memcmp(const void *left, const void *right, size_t bytes)
{
	const __u8 *a = left, *b = right;
	__u64 one, other;

	for (; bytes >= sizeof(one); bytes -= sizeof(one), a += sizeof(one), b += sizeof(one)) {
		__builtin_memcpy(&one, a, sizeof(one));
		__builtin_memcpy(&other, b, sizeof(other));
		if (one != other)
			break;
	}
	for (; bytes; bytes--, a++, b++)
		if (*a != *b)
			return *a < *b ? -1 : 1;
	return 0;
}

LOOP("strlen") size_t strlen(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

LOOP("strcmp") int strcmp(const char *left, const char *right)
{
	while (*left && *left == *right)
		left++, right++;
	return (__u8)*left - (__u8)*right;
}

/* Whether both are the same: of a length that is known, without a call or a loop. */
static inline __attribute__((always_inline)) bool bytes_equal(const char *one, const char *other,
							      __u32 bytes)
{
	__u64 differs = 0, a = 0, b = 0;

	for (; bytes >= sizeof(a); bytes -= sizeof(a), one += sizeof(a), other += sizeof(b)) {
		__builtin_memcpy(&a, one, sizeof(a));
		__builtin_memcpy(&b, other, sizeof(b));
		differs |= a ^ b;
	}
	a = b = 0;
	if (bytes & 4) {
		__builtin_memcpy(&a, one, 4);
		__builtin_memcpy(&b, other, 4);
		differs |= a ^ b;
		one += 4, other += 4;
	}
	for (bytes &= 3; bytes; bytes--)
		differs |= *one++ ^ *other++;
	return !differs;
}

/* Whether a field begins with a literal, which is no longer than the field. */
#define BEGINS_WITH(field, literal) bytes_equal((field), (literal), sizeof(literal) - 1)

/*
 * Arguments and results of calls lie one behind the other, until the call of the handler ends. The
 * arena begins behind the handler's own variables and grows; where a window stands in its way, it
 * goes on behind that and leaves the rest.
 */
static struct {
	/* Below it lies what the node keeps for as long as the handler lives. */
	char *floor;
	char *at;
	char *end;
} arena;

extern char __heap_base;

static inline char *memory_end(void)
{
	return (char *)(__builtin_wasm_memory_size(0) * WASM_PAGE_BYTES);
}

/* New pages, or NULL. */
static inline char *memory_grow(__u32 pages)
{
	size_t before = __builtin_wasm_memory_grow(0, pages);

	return before == (size_t)-1 ? NULL : (char *)(before * WASM_PAGE_BYTES);
}

/* Before anything else can grow the memory. */
static inline void arena_begin(void)
{
	if (arena.end)
		return;
	arena.floor = arena.at = &__heap_base;
	arena.end = memory_end();
}

/* Room for so many bytes. There is no way on without it, so that no caller has to ask. */
static inline void *arena_take(__u32 align, __u32 bytes)
{
	char *at;

	arena_begin();
	if (align < ARENA_ALIGN)
		align = ARENA_ALIGN;
	at = (char *)(((__u32)arena.at + align - 1) & -align);
	if (at > arena.end || bytes > (__u32)(arena.end - at)) {
		__u32 pages = ((__u64)bytes + align) / WASM_PAGE_BYTES + 1;
		char *grown = memory_grow(pages);

		if (!grown)
			__builtin_trap();
		if (grown != arena.end)
			arena.floor = at = grown;
		arena.end = grown + pages * WASM_PAGE_BYTES;
	}
	arena.at = at + bytes;
	return at;
}

/* Keeps what lies below the arguments of the first call: the node asked for it before that. */
static inline void arena_keep_below(const void *lowest)
{
	char *at = (char *)lowest;

	if (at > arena.floor && at <= arena.at)
		arena.floor = at;
}

/* Takes back all that was taken since, where it was taken from one piece. */
static inline void arena_release(char *mark)
{
	if (mark >= arena.floor && mark <= arena.at)
		arena.at = mark;
}

static inline void arena_reset(void)
{
	arena.at = arena.floor;
}

EXPORT("cabi_realloc")
void *cabi_realloc(void *old, __u32 old_bytes, __u32 align, __u32 bytes)
{
	void *room = arena_take(align, bytes);

	if (old_bytes)
		memcpy(room, old, old_bytes < bytes ? old_bytes : bytes);
	return room;
}

/* Room that is nobody else's, for the node to map a ring over; 0 where there is none. */
EXPORT("ring-window") __u32 ring_window(__u32 ring, __u32 bytes)
{
	(void)ring;
	arena_begin();
	if (!bytes || bytes % WASM_PAGE_BYTES)
		return 0;
	return (__u32)memory_grow(bytes / WASM_PAGE_BYTES);
}

#endif
