/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of addresses: 64 bits for each key, 16 bytes an entry, between 15 and 60 percent
 * full. Made for tens of millions of changes a second on one core.
 *
 * It is cut into segments by the top bits of the hash (extendible hashing): a full segment
 * splits, so growing never stops the reader for longer than one segment takes (some 50 µs, and now and
 * then a huge page to be cleared).
 * A clone shares segments until one side changes them: a fork costs a copy of the directory.
 */
#ifndef CS_MODEL_TABLE_H
#define CS_MODEL_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define CS_TABLE_SLOT_BITS 12u
#define CS_TABLE_SLOTS (1u << CS_TABLE_SLOT_BITS)

struct cs_table_slot {
	uint64_t key; /* 0: empty */
	uint64_t value;
};

struct cs_table_segment {
	struct cs_table_slot *slots;
	uint32_t used;
	uint32_t full;   /* entries beyond which it splits */
	uint32_t shared; /* tables that hold it besides this one */
	uint32_t depth;  /* how many top bits of the hash its entries have in common */
};

struct cs_slab;

struct cs_table {
	struct cs_slab *slab;                /* where slots come from; shared with clones */
	struct cs_table_segment **directory; /* 1 << depth, several may point to one segment */
	uint32_t depth;
	uint32_t segments;
	uint64_t count;
};

static inline uint64_t cs_table_hash(uint64_t key)
{
	uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);

	return hash ^ (hash >> 32);
}

static inline struct cs_table_segment *cs_table_segment(const struct cs_table *table, uint64_t hash)
{
	return table->directory[table->depth ? hash >> (64 - table->depth) : 0];
}

/* 0 or -ENOMEM. Also makes an empty table of one that was freed. */
int cs_table_init(struct cs_table *table);
int cs_table_clone(struct cs_table *table, const struct cs_table *from);
void cs_table_free(struct cs_table *table);

/*
 * Puts VALUE at KEY (not 0). 0, or 1 when there was one: *old. -ENOMEM: nothing has changed.
 * -ENOSPC: the keys are made to collide, as no program's blocks are.
 */
int cs_table_put(struct cs_table *table, uint64_t key, uint64_t value, uint64_t *old);

/* Takes KEY out, its value to *VALUE. 0: it was not in (0 never is), else 1, or -ENOMEM (a shared segment). */
int cs_table_take(struct cs_table *table, uint64_t key, uint64_t *value);

/* 1: *VALUE is what is at KEY, else 0. */
int cs_table_get(const struct cs_table *table, uint64_t key, uint64_t *value);
void cs_table_each(const struct cs_table *table,
                   void (*visit)(void *context, uint64_t key, uint64_t value), void *context);

/* Always inline: gcc takes a function that only prefetches for one without effect. */
__attribute__((always_inline)) static inline void cs_table_prefetch(const struct cs_table *table,
                                                                    uint64_t key)
{
	uint64_t hash = cs_table_hash(key);

	__builtin_prefetch(&cs_table_segment(table, hash)->slots[hash & (CS_TABLE_SLOTS - 4)], 1);
}

#endif
