/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear probing, at most half full. The hashes are made of addresses that a hostile target
 * chooses: a secret factor keeps it from piling them up in one place.
 */
#include "source/stackmap.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/random.h>

#define FIRST_CAPACITY 1024u

static struct cs_stackmap_entry *slot_of(const struct cs_stackmap *map, uint64_t hash)
{
	uint32_t at = (uint32_t)((hash * map->secret) >> 32) & map->mask;

	while (map->entries[at].hash && map->entries[at].hash != hash)
		at = (at + 1) & map->mask;
	return &map->entries[at];
}

const struct cs_stackmap_entry *cs_stackmap_find(const struct cs_stackmap *map, uint64_t hash)
{
	const struct cs_stackmap_entry *slot;

	if (!map->entries || !hash)
		return NULL;
	slot = slot_of(map, hash);
	return slot->hash ? slot : NULL;
}

static int grow(struct cs_stackmap *map)
{
	struct cs_stackmap old = *map;
	uint32_t capacity = old.entries ? (old.mask + 1) * 2 : FIRST_CAPACITY;

	map->entries = calloc(capacity, sizeof(*map->entries));
	if (!map->entries) {
		*map = old;
		return -ENOMEM;
	}
	map->mask = capacity - 1;
	if (!map->secret && getrandom(&map->secret, sizeof(map->secret), 0) < 0)
		map->secret = (uint64_t)(uintptr_t)map->entries;
	map->secret |= 1;
	for (uint32_t i = 0; old.entries && i <= old.mask; i++)
		if (old.entries[i].hash)
			*slot_of(map, old.entries[i].hash) = old.entries[i];
	free(old.entries);
	return 0;
}

int cs_stackmap_set(struct cs_stackmap *map, uint64_t hash, uint32_t node, bool broken)
{
	struct cs_stackmap_entry *slot;

	if (!map->entries || map->count > map->mask / 2) {
		int error = map->count >= CS_STACKMAP_MAX ? -ENOMEM : grow(map);
		if (error)
			return error;
	}
	slot = slot_of(map, hash);
	map->count += slot->hash == 0;
	*slot = (struct cs_stackmap_entry){hash, node, broken};
	return 0;
}

void cs_stackmap_free(struct cs_stackmap *map)
{
	free(map->entries);
	*map = (struct cs_stackmap){0};
}
