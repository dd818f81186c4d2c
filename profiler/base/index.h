/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index: finds the ids whose thing has a given hash. It stores hashes and ids, the things
 * themselves stay with their owner, who compares:
 *
 *     struct cs_probe probe = cs_index_probe(&index, hash);
 *     while ((id = cs_probe_next(&probe)))
 *             if (same(thing_at(id), key))
 *                     return id;
 *
 * Open addressing, at most three quarters full; ids are not 0.
 */
#ifndef CS_BASE_INDEX_H
#define CS_BASE_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct cs_index_slot {
	uint32_t hash;
	uint32_t id; /* 0: empty */
};

/* All zero is an empty index. */
struct cs_index {
	struct cs_index_slot *slots;
	uint32_t mask; /* slots - 1 */
	uint32_t count;
};

struct cs_probe {
	const struct cs_index *index;
	uint32_t hash;
	uint32_t at;
};

/* The id's hash and the place where it may be both come from these 32 bits. */
static inline uint32_t cs_hash_u64(uint64_t value)
{
	uint64_t hash = value * UINT64_C(0x9e3779b97f4a7c15);

	hash ^= hash >> 32;
	hash *= UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(hash >> 32);
}

static inline uint32_t cs_hash_pair(uint64_t first, uint64_t second)
{
	return cs_hash_u64(first * UINT64_C(0xe7037ed1a0b428db) + second);
}

uint32_t cs_hash_bytes(const void *bytes, size_t size);

static inline struct cs_probe cs_index_probe(const struct cs_index *index, uint32_t hash)
{
	return (struct cs_probe){.index = index, .hash = hash, .at = hash & index->mask};
}

/* The next id with this hash, 0 when there is none. */
static inline uint32_t cs_probe_next(struct cs_probe *probe)
{
	const struct cs_index *index = probe->index;

	if (!index->slots)
		return 0;
	for (;;) {
		struct cs_index_slot slot = index->slots[probe->at];

		if (!slot.id)
			return 0;
		probe->at = (probe->at + 1) & index->mask;
		if (slot.hash == probe->hash)
			return slot.id;
	}
}

/* 0 or -ENOMEM. The same id may be added once only. */
int cs_index_add(struct cs_index *index, uint32_t hash, uint32_t id);
/* Takes out what was added with the same HASH and ID; nothing if it was not. */
void cs_index_remove(struct cs_index *index, uint32_t hash, uint32_t id);
void cs_index_free(struct cs_index *index);

#endif
