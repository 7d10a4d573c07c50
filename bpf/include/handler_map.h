// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The maps of the payload's own object, as `maps` in payload.toml lets the handler at them.
 * Each is asked for before the handler starts, so that a node that does not give it refuses
 * the payload, by its name, while it is staged. Sizes are those of the map; a value of a map
 * per CPU is that of all CPUs, each on a multiple of eight bytes.
 *
 *	MAP(connections);
 *	...
 *	if (map_lookup(&connections, &key, &value) == HOST_DONE)
 *
 * Included by handler.h.
 */
#ifndef MARROW_HANDLER_MAP_H
#define MARROW_HANDLER_MAP_H

#include "handler_text.h"

struct map {
	struct map *next;
	const char *name;
	/* Its number and one more; 0 while nobody has asked for it. */
	__u32 opened;
};

static struct map *maps_declared;

/* The map of this name. */
#define MAP(map_name)                                                                              \
	static struct map map_name = {.name = #map_name};                                          \
	__attribute__((constructor)) static void map_name##_declared(void)                         \
	{                                                                                          \
		(map_name).next = maps_declared;                                                   \
		maps_declared = &(map_name);                                                       \
	}                                                                                          \
	_Static_assert(1, "map " #map_name)

static inline enum host_outcome map_open(struct map *map)
{
	struct host_number result;

	if (map->opened)
		return HOST_DONE;
	host_map_open(map->name, strlen(map->name), &result);
	if (!result.is_refused)
		map->opened = result.value + 1;
	return outcome_of(result.is_refused, result.refusal);
}

/* Asks for all that the handler declares. */
static inline void maps_open(void)
{
	for (struct map *map = maps_declared; map; map = map->next)
		map_open(map);
}

/* HOST_ABSENT where the map has no such key, HOST_INVALID where its value has another size. */
static inline enum host_outcome map_lookup_bytes(struct map *map, const void *key, __u32 key_bytes,
						 void *value, __u32 value_bytes)
{
	char *mark = arena.at;
	struct host_found found;
	enum host_outcome outcome = map_open(map);

	if (outcome)
		return outcome;
	host_map_lookup(map->opened - 1, key, key_bytes, &found);
	outcome = outcome_of(found.is_refused, found.refusal);
	if (!outcome && !found.is_there)
		outcome = HOST_ABSENT;
	if (!outcome && found.bytes.length != value_bytes)
		outcome = HOST_INVALID;
	if (!outcome)
		memcpy(value, found.bytes.at, value_bytes);
	/* The value is copied: a call may look up as often as it likes. */
	arena_release(mark);
	return outcome;
}

static inline enum host_outcome map_update_bytes(struct map *map, const void *key, __u32 key_bytes,
						 const void *value, __u32 value_bytes)
{
	struct host_small result;
	enum host_outcome outcome = map_open(map);

	if (outcome)
		return outcome;
	host_map_update(map->opened - 1, key, key_bytes, value, value_bytes, &result);
	return outcome_of(result.is_refused, result.value);
}

/* HOST_ABSENT where the map had no such key. */
static inline enum host_outcome map_delete_bytes(struct map *map, const void *key, __u32 key_bytes)
{
	struct host_small result;
	enum host_outcome outcome = map_open(map);

	if (outcome)
		return outcome;
	host_map_delete(map->opened - 1, key, key_bytes, &result);
	if (result.is_refused)
		return outcome_of(true, result.value);
	return result.value ? HOST_DONE : HOST_ABSENT;
}

/* By the types of what is pointed to. */
#define map_lookup(map, key, value)                                                                \
	map_lookup_bytes(map, key, sizeof(*(key)), value, sizeof(*(value)))
#define map_update(map, key, value)                                                                \
	map_update_bytes(map, key, sizeof(*(key)), value, sizeof(*(value)))
#define map_delete(map, key) map_delete_bytes(map, key, sizeof(*(key)))

/*
 * Up to so many entries behind a key, or the first ones behind NULL: key and value one behind the
 * other, until the call of the handler ends. No bytes are the map's end.
 */
static inline enum host_outcome map_scan(struct map *map, const void *behind, __u32 key_bytes,
					 __u32 entries_max, struct host_bytes *entries)
{
	struct host_entries result;
	enum host_outcome outcome = map_open(map);

	*entries = (struct host_bytes){NULL, 0};
	if (outcome)
		return outcome;
	host_map_scan(map->opened - 1, behind != NULL, behind, behind ? key_bytes : 0, entries_max,
		      &result);
	outcome = outcome_of(result.is_refused, result.refusal);
	if (!outcome)
		*entries = result.bytes;
	return outcome;
}

#endif
