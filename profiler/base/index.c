/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: from where a hash belongs to where its id is, no slot is empty. A removal therefore
 * moves up what comes behind it instead of leaving a mark.
 */
#include "base/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint32_t cs_hash_bytes(const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	uint64_t hash = size;
	uint64_t word;

	for (; size >= sizeof(word); at += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	word = 0;
	memcpy(&word, at, size);
	return cs_hash_u64(hash ^ word);
}

static void place(struct cs_index *index, struct cs_index_slot slot)
{
	uint32_t at = slot.hash & index->mask;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): callers have grown the table */
	while (index->slots[at].id)
		at = (at + 1) & index->mask;
	index->slots[at] = slot;
}

static int grow(struct cs_index *index)
{
	uint32_t old_slots = index->slots ? index->mask + 1 : 0;
	uint32_t new_slots = old_slots ? old_slots * 2 : 64;
	struct cs_index_slot *old = index->slots;
	struct cs_index_slot *slots;

	if (!new_slots)
		return -ENOMEM;
	slots = calloc(new_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	index->slots = slots;
	index->mask = new_slots - 1;
	for (uint32_t i = 0; i < old_slots; i++)
		if (old[i].id)
			place(index, old[i]);
	free(old);
	return 0;
}

int cs_index_add(struct cs_index *index, uint32_t hash, uint32_t id)
{
	uint64_t slots = index->slots ? (uint64_t)index->mask + 1 : 0;

	if (((uint64_t)index->count + 1) * 4 > slots * 3 && grow(index))
		return -ENOMEM;
	place(index, (struct cs_index_slot){.hash = hash, .id = id});
	index->count++;
	return 0;
}

/* Those behind the gap move up, as far as each may: no slot stays marked as used. */
static void close_gap(struct cs_index *index, uint32_t gap)
{
	for (uint32_t at = (gap + 1) & index->mask; index->slots[at].id;
	     at = (at + 1) & index->mask) {
		uint32_t home = index->slots[at].hash & index->mask;

		if (((at - home) & index->mask) < ((at - gap) & index->mask))
			continue;
		index->slots[gap] = index->slots[at];
		gap = at;
	}
	index->slots[gap] = (struct cs_index_slot){0};
	index->count--;
}

void cs_index_remove(struct cs_index *index, uint32_t hash, uint32_t id)
{
	if (!index->slots)
		return;
	for (uint32_t at = hash & index->mask; index->slots[at].id; at = (at + 1) & index->mask) {
		if (index->slots[at].id == id && index->slots[at].hash == hash) {
			close_gap(index, at);
			return;
		}
	}
}

void cs_index_free(struct cs_index *index)
{
	free(index->slots);
	memset(index, 0, sizeof(*index));
}
