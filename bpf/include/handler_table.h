// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tables of a fixed room and histograms, for the state of a handler: no pointers, and all zeros is
 *an empty one. A table that is full lets go of the entry that was not used for longest.
 *
 *	struct command { __u64 execs; __u32 duration_us[32]; };
 *	TABLE(commands, struct comm, struct command, 256);	struct commands, commands_get() and
 *so on
 *
 *	struct command *command = commands_get(&state.commands, &key);
 *	command->execs++;
 *	hist_add(command->duration_us, microseconds);
 *
 * Keys are compared byte by byte, so that what pads them must be set too. An entry keeps its number
 * (commands_index()) for as long as it lives; `generation` in it tells that it is another one's
 *now. Included by handler.h.
 */
#ifndef MARROW_HANDLER_TABLE_H
#define MARROW_HANDLER_TABLE_H

#include "handler_json.h"
#include "handler_metric.h"

#define TABLE_ROOM_MAX 32768

/* What a table is beside its entries. Entries are numbered from 1; 0 is none. */
struct table {
	__u16 count;
	/* Removed entries, by `older`. */
	__u16 free;
	__u16 newest;
	__u16 oldest;
	/* How many entries there ever were. */
	__u32 generation;
};

struct table_entry {
	__u16 newer;
	__u16 older;
	/* The number that the table gave to this use of the entry: never 0, never one before. */
	__u32 generation;
};

/* A table as its functions see it, whatever its types. */
struct table_view {
	struct table *table;
	/* Numbers of entries; twice as many as there is room, so that a free one is near. */
	__u16 *buckets;
	__u32 buckets_mask;
	char *entries;
	__u32 entry_bytes;
	__u32 key_at;
	__u32 key_bytes;
	__u32 room;
};

/* A series for an entry; as many as the table has room. */
struct entry_series {
	struct series series;
	/* Of the use of the entry that it is for. */
	__u32 generation;
};

#define TABLE_INLINE static inline __attribute__((always_inline, unused))

TABLE_INLINE struct table_entry *table_at(struct table_view view, __u32 number)
{
	return (struct table_entry *)(view.entries + (number - 1) * view.entry_bytes);
}

TABLE_INLINE __u32 table_bucket(struct table_view view, const void *key)
{
	const char *at = key;
	__u64 hash = view.key_bytes, word;
	__u32 left = view.key_bytes;

	for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
		__builtin_memcpy(&word, at, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 32;
	}
	for (word = 0; left; left--)
		word = word << 8 | (__u8)*at++;
	hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
	return (hash ^ hash >> 32) & view.buckets_mask;
}

/* The bucket that holds the entry with this key, or the free one where it would be. */
TABLE_INLINE __u32 table_place(struct table_view view, const void *key)
{
	__u32 bucket = table_bucket(view, key);

	while (view.buckets[bucket]) {
		const char *entry = (const char *)table_at(view, view.buckets[bucket]);

		if (!__builtin_memcmp(entry + view.key_at, key, view.key_bytes))
			break;
		bucket = (bucket + 1) & view.buckets_mask;
	}
	return bucket;
}

TABLE_INLINE void table_unlink(struct table_view view, __u32 number)
{
	struct table_entry *entry = table_at(view, number);

	if (entry->newer)
		table_at(view, entry->newer)->older = entry->older;
	else
		view.table->newest = entry->older;
	if (entry->older)
		table_at(view, entry->older)->newer = entry->newer;
	else
		view.table->oldest = entry->newer;
}

TABLE_INLINE void table_link(struct table_view view, __u32 number)
{
	struct table_entry *entry = table_at(view, number);

	entry->newer = 0;
	entry->older = view.table->newest;
	if (entry->older)
		table_at(view, entry->older)->newer = number;
	else
		view.table->oldest = number;
	view.table->newest = number;
}

/* Empties a bucket, and moves up what stands behind it because it was taken. */
TABLE_INLINE void table_vacate(struct table_view view, __u32 bucket)
{
	__u32 mask = view.buckets_mask, next = bucket;

	for (;;) {
		__u32 wanted;

		next = (next + 1) & mask;
		if (!view.buckets[next])
			break;
		wanted = table_bucket(view,
				      (char *)table_at(view, view.buckets[next]) + view.key_at);
		if (((next - wanted) & mask) < ((next - bucket) & mask))
			continue;
		view.buckets[bucket] = view.buckets[next];
		bucket = next;
	}
	view.buckets[bucket] = 0;
}

TABLE_INLINE void table_remove(struct table_view view, __u32 bucket)
{
	__u32 number = view.buckets[bucket];
	struct table_entry *entry = table_at(view, number);

	table_vacate(view, bucket);
	table_unlink(view, number);
	entry->generation = 0;
	entry->older = view.table->free;
	view.table->free = number;
	view.table->count--;
}

/* An entry that nobody has: one that was removed, one never used, or the oldest. */
TABLE_INLINE __u32 table_take(struct table_view view)
{
	struct table *table = view.table;
	__u32 number = table->free;

	if (!number && table->count == view.room) {
		number = table->oldest;
		table_remove(view, table_place(view, (char *)table_at(view, number) + view.key_at));
	}
	/* Entries are used from the first on, so that those without a free list are the first ones.
	 */
	if (!number)
		return ++table->count;
	table->free = table_at(view, number)->older;
	table->count++;
	return number;
}

/* A new entry of zeros for a key that has none. */
static inline __attribute__((noinline)) __u32 table_make(struct table_view view, const void *key)
{
	__u32 number = table_take(view);
	/* Looked for only now: the one that had to go may have moved others. */
	__u32 bucket = table_place(view, key);
	struct table_entry *entry = table_at(view, number);

	memset(entry, 0, view.entry_bytes);
	memcpy((char *)entry + view.key_at, key, view.key_bytes);
	if (!++view.table->generation)
		view.table->generation = 1;
	entry->generation = view.table->generation;
	view.buckets[bucket] = number;
	table_link(view, number);
	return number;
}

/* The entry with this key; 0 if there is none and none is to be made. */
TABLE_INLINE __u32 table_get(struct table_view view, const void *key, bool make)
{
	__u32 number = view.buckets[table_place(view, key)];

	if (!number)
		return make ? table_make(view, key) : 0;
	if (view.table->newest != number) {
		table_unlink(view, number);
		table_link(view, number);
	}
	return number;
}

#define TABLE_BUCKETS(room) (2u << (31 - __builtin_clz((room)*2 - 1)))

#define TABLE(name, key_type, value_type, entries_max)                                             \
	_Static_assert((entries_max) > 1 && (entries_max) <= TABLE_ROOM_MAX, "room of " #name);    \
	struct name##_entry {                                                                      \
		struct table_entry link;                                                           \
		key_type key;                                                                      \
		value_type value;                                                                  \
	};                                                                                         \
	struct name {                                                                              \
		struct table table;                                                                \
		__u16 buckets[TABLE_BUCKETS(entries_max)];                                         \
		struct name##_entry entries[entries_max];                                          \
	};                                                                                         \
	TABLE_INLINE struct table_view name##_view(struct name *of)                                \
	{                                                                                          \
		return (struct table_view){                                                        \
			.table = &of->table,                                                       \
			.buckets = of->buckets,                                                    \
			.buckets_mask = TABLE_BUCKETS(entries_max) - 1,                            \
			.entries = (char *)of->entries,                                            \
			.entry_bytes = sizeof(struct name##_entry),                                \
			.key_at = offsetof(struct name##_entry, key),                              \
			.key_bytes = sizeof(key_type),                                             \
			.room = (entries_max),                                                     \
		};                                                                                 \
	}                                                                                          \
	/* What is there for a key, zeros where there was nothing. Never NULL. */                  \
	TABLE_INLINE value_type *name##_get(struct name *of, const key_type *key)                  \
	{                                                                                          \
		return &of->entries[table_get(name##_view(of), key, true) - 1].value;              \
	}                                                                                          \
	/* What is there for a key, or NULL. */                                                    \
	TABLE_INLINE value_type *name##_find(struct name *of, const key_type *key)                 \
	{                                                                                          \
		__u32 number = table_get(name##_view(of), key, false);                             \
                                                                                                   \
		return number ? &of->entries[number - 1].value : NULL;                             \
	}                                                                                          \
	TABLE_INLINE void name##_remove(struct name *of, const key_type *key)                      \
	{                                                                                          \
		__u32 bucket = table_place(name##_view(of), key);                                  \
                                                                                                   \
		if (of->buckets[bucket])                                                           \
			table_remove(name##_view(of), bucket);                                     \
	}                                                                                          \
	/* The number of an entry, below the room, by its value. */                                \
	TABLE_INLINE __u32 name##_index(const struct name *of, const value_type *value)            \
	{                                                                                          \
		return ((const char *)value - (const char *)of->entries) /                         \
		       sizeof(struct name##_entry);                                                \
	}                                                                                          \
	/* The series of an entry, by its value; not open if the entry was another one's. */       \
	TABLE_INLINE struct series *name##_series(const struct name *of, const value_type *value,  \
						  struct entry_series *all)                        \
	{                                                                                          \
		__u32 index = name##_index(of, value);                                             \
                                                                                                   \
		if (all[index].generation != of->entries[index].link.generation)                   \
			all[index] = (struct entry_series){                                        \
				.generation = of->entries[index].link.generation};                 \
		return &all[index].series;                                                         \
	}                                                                                          \
	_Static_assert(sizeof(struct name##_entry) > sizeof(key_type), "entries of " #name)

/* Goes through the entries, the newest first; none may be removed or made meanwhile. */
#define FOR_EACH_ENTRY(entry, of)                                                                  \
	for (__u32 entry##_at = (of)->table.newest;                                                \
	     entry##_at && ((entry) = &(of)->entries[entry##_at - 1], true);                       \
	     entry##_at = (entry)->link.older)

/* The entries with the highest scores, the first the highest; equal ones as they were offered. */
#define TOP_MAX 64

struct top {
	/* How many are wanted, at most TOP_MAX. */
	__u32 room;
	__u32 count;
	struct {
		__u64 score;
		const void *entry;
	} best[TOP_MAX];
};

static inline void top_offer(struct top *top, __u64 score, const void *entry)
{
	__u32 at = top->count;

	while (at && top->best[at - 1].score < score)
		at--;
	if (at >= top->room || at >= TOP_MAX)
		return;
	if (top->count < top->room && top->count < TOP_MAX)
		top->count++;
	for (__u32 to = top->count - 1; to > at; to--)
		top->best[to] = top->best[to - 1];
	top->best[at].score = score;
	top->best[at].entry = entry;
}

/* Slot n of a histogram counts the values from 2^n to 2^(n+1) - 1, slot 0 also 0, the last one
 * more. */
static inline __u32 hist_slot(__u64 value, __u32 slots)
{
	__u32 slot = 63 - __builtin_clzll(value | 1);

	return slot < slots ? slot : slots - 1;
}

#define HIST_SLOTS(hist) (sizeof(hist) / sizeof((hist)[0]))

/* Counts a value in an array of __u32. */
#define hist_add(hist, value) ((hist)[hist_slot(value, HIST_SLOTS(hist))]++)

/* A number that no more than so many of a thousand values are above; 0 where there are none. */
static inline __u64 hist_quantile_of(const __u32 *hist, __u32 slots, __u32 per_mille)
{
	__u64 all = 0, below = 0;

	for (__u32 slot = 0; slot < slots; slot++)
		all += hist[slot];
	for (__u32 slot = 0; slot < slots && all; slot++) {
		below += hist[slot];
		if (below * 1000 >= all * per_mille)
			return (2ULL << slot) - 1;
	}
	return 0;
}

/* The counts up to the last one that is none. */
static inline void json_hist_of(const char *key, const __u32 *hist, __u32 slots)
{
	while (slots && !hist[slots - 1])
		slots--;
	json_array(key);
	for (__u32 slot = 0; slot < slots; slot++)
		json_u64(NULL, hist[slot]);
	json_close();
}

#define hist_quantile(hist, per_mille) hist_quantile_of(hist, HIST_SLOTS(hist), per_mille)
#define json_hist(key, hist) json_hist_of(key, hist, HIST_SLOTS(hist))

#endif
