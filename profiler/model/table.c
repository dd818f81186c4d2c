/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots form lines of four, one cache line each; within a line the order is free. Invariants:
 * every line between a key's own and where it lies is full (a removal from a full line closes
 * the gap), and an entry's top `depth` hash bits are those of the directory places that point
 * to its segment. The low bits choose the line, so that a split changes no entry's line.
 *
 * A line is looked at as a whole, without a branch for each slot: which slot it is can't be
 * predicted, that it is in the first line nearly always can.
 */
#include "model/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/slab.h"

#define LINE 4u
#define MASK (CS_TABLE_SLOTS - 1)
#define FULL_MIN (CS_TABLE_SLOTS / 10 * 3)
#define DEPTH_MAX 26u
/* Directory places per segment beyond which keys can only be made to collide. */
#define SPARSE_MAX 256u

/*
 * Hashes are even, so segments fill at the same pace and would all split at once. Each has a
 * limit of its own, from 3 to 6 tenths, by which the splits of a growth are spread over it.
 */
static uint32_t full_of(uint64_t hash, uint32_t depth)
{
	uint64_t prefix = depth ? hash >> (64 - depth) : 0;
	uint64_t draw = (prefix + depth * UINT64_C(0x10001)) * UINT64_C(0xd6e8feb86659fd93);

	return FULL_MIN + (uint32_t)((draw >> 32) % FULL_MIN);
}

static struct cs_table_segment *segment_new(const struct cs_table *table, uint64_t hash,
                                            uint32_t depth)
{
	struct cs_table_segment *segment = calloc(1, sizeof(*segment));

	if (!segment)
		return NULL;
	segment->depth = depth;
	segment->full = full_of(hash, depth);
	segment->slots = cs_slab_take(table->slab);
	if (!segment->slots) {
		free(segment);
		return NULL;
	}
	return segment;
}

/* This table no longer holds it; the last one frees it. */
static void segment_drop(const struct cs_table *table, struct cs_table_segment *segment)
{
	if (segment->shared) {
		segment->shared--;
		return;
	}
	cs_slab_give(table->slab, segment->slots);
	free(segment);
}

int cs_table_init(struct cs_table *table)
{
	memset(table, 0, sizeof(*table));
	table->slab = cs_slab_new(CS_TABLE_SLOTS * sizeof(struct cs_table_slot));
	table->directory = malloc(sizeof(struct cs_table_segment *));
	if (table->slab && table->directory)
		table->directory[0] = segment_new(table, 0, 0);
	if (!table->slab || !table->directory || !table->directory[0]) {
		cs_slab_drop(table->slab);
		free(table->directory);
		memset(table, 0, sizeof(*table));
		return -ENOMEM;
	}
	table->segments = 1;
	return 0;
}

/* How many places of the directory point to one segment: they lie side by side. */
static uint32_t span(const struct cs_table *table, const struct cs_table_segment *segment)
{
	return 1u << (table->depth - segment->depth);
}

int cs_table_clone(struct cs_table *table, const struct cs_table *from)
{
	uint32_t places = 1u << from->depth;

	*table = *from;
	table->directory = malloc(places * sizeof(struct cs_table_segment *));
	if (!table->directory) {
		memset(table, 0, sizeof(*table));
		return -ENOMEM;
	}
	cs_slab_hold(table->slab);
	memcpy(table->directory, from->directory, places * sizeof(struct cs_table_segment *));
	for (uint32_t i = 0; i < places; i += span(table, table->directory[i]))
		table->directory[i]->shared++;
	return 0;
}

void cs_table_free(struct cs_table *table)
{
	uint32_t places = 1u << table->depth;

	for (uint32_t i = 0; table->directory && i < places;) {
		uint32_t next = i + span(table, table->directory[i]);

		segment_drop(table, table->directory[i]);
		i = next;
	}
	free(table->directory);
	cs_slab_drop(table->slab);
	memset(table, 0, sizeof(*table));
}

/* First place of the directory that points to the segment for HASH. */
static uint32_t first_place(const struct cs_table *table, uint64_t hash, uint32_t depth)
{
	return depth ? (uint32_t)(hash >> (64 - depth)) << (table->depth - depth) : 0;
}

/* The segment for HASH, as this table's own. NULL: no memory. */
static struct cs_table_segment *own(struct cs_table *table, uint64_t hash)
{
	struct cs_table_segment *segment = cs_table_segment(table, hash);
	struct cs_table_segment *copy;
	uint32_t place;

	if (!segment->shared)
		return segment;
	copy = segment_new(table, hash, segment->depth);
	if (!copy)
		return NULL;
	memcpy(copy->slots, segment->slots, CS_TABLE_SLOTS * sizeof(*copy->slots));
	copy->used = segment->used;
	place = first_place(table, hash, segment->depth);
	for (uint32_t i = 0; i < span(table, segment); i++)
		table->directory[place + i] = copy;
	segment->shared--;
	return copy;
}

static int double_directory(struct cs_table *table)
{
	uint32_t places = 1u << table->depth;
	struct cs_table_segment **directory;

	if (table->depth == DEPTH_MAX || places / SPARSE_MAX > table->segments)
		return -ENOSPC;
	directory = malloc(2 * (size_t)places * sizeof(struct cs_table_segment *));
	if (!directory)
		return -ENOMEM;
	for (uint32_t i = 0; i < places; i++)
		directory[2 * i] = directory[2 * i + 1] = table->directory[i];
	free(table->directory);
	table->directory = directory;
	table->depth++;
	return 0;
}

/* ---- lines ---- */

/* The first slot of the line that HASH belongs to. */
static inline uint32_t home_of(uint64_t hash)
{
	return hash & MASK & ~(LINE - 1);
}

static inline uint32_t next_line(uint32_t line)
{
	return (line + LINE) & MASK;
}

/* Which of a line's slots have KEY (0: are empty), as bits. */
static inline uint32_t slots_with(const struct cs_table_slot *line, uint64_t key)
{
	return (uint32_t)(line[0].key == key) | (uint32_t)(line[1].key == key) << 1 |
	       (uint32_t)(line[2].key == key) << 2 | (uint32_t)(line[3].key == key) << 3;
}

static void segment_add(struct cs_table_segment *segment, uint64_t hash, struct cs_table_slot entry)
{
	uint32_t line = home_of(hash), empty;

	while (!(empty = slots_with(&segment->slots[line], 0)))
		line = next_line(line);
	segment->slots[line + (uint32_t)__builtin_ctz(empty)] = entry;
	segment->used++;
}

/* Deals the entries of HASH's full segment out to two. */
static int split(struct cs_table *table, uint64_t hash)
{
	struct cs_table_segment *full = cs_table_segment(table, hash);
	struct cs_table_segment *half[2] = {NULL, NULL};
	uint32_t place, each;
	uint64_t half_bit;
	int error = full->depth == table->depth ? double_directory(table) : 0;

	if (error)
		return error;
	half_bit = UINT64_C(1) << (63 - full->depth);
	half[0] = segment_new(table, hash & ~half_bit, full->depth + 1);
	half[1] = segment_new(table, hash | half_bit, full->depth + 1);
	if (!half[0] || !half[1])
		goto fail;
	for (uint32_t i = 0; i < CS_TABLE_SLOTS; i++) {
		struct cs_table_slot entry = full->slots[i];
		uint64_t bits = cs_table_hash(entry.key);

		if (entry.key)
			segment_add(half[(bits & half_bit) != 0], bits, entry);
	}
	place = first_place(table, hash, full->depth);
	each = span(table, full) / 2;
	for (uint32_t i = 0; i < each; i++) {
		table->directory[place + i] = half[0];
		table->directory[place + each + i] = half[1];
	}
	table->segments++;
	segment_drop(table, full);
	return 0;
fail:
	for (int i = 0; i < 2; i++)
		if (half[i])
			segment_drop(table, half[i]);
	return -ENOMEM;
}

int cs_table_put(struct cs_table *table, uint64_t key, uint64_t value, uint64_t *old)
{
	uint64_t hash = cs_table_hash(key);
	struct cs_table_segment *segment = own(table, hash);
	uint32_t line = home_of(hash), same, empty;
	struct cs_table_slot *slot;

	if (!segment)
		return -ENOMEM;
	while (segment->used >= segment->full) {
		int error = split(table, hash);

		if (error)
			return error;
		segment = cs_table_segment(table, hash);
	}
	for (;; line = next_line(line)) {
		slot = &segment->slots[line];
		same = slots_with(slot, key);
		empty = slots_with(slot, 0);
		if (same | empty)
			break;
	}
	if (same) {
		slot += __builtin_ctz(same);
		*old = slot->value;
		slot->value = value;
		return 1;
	}
	slot[__builtin_ctz(empty)] = (struct cs_table_slot){key, value};
	segment->used++;
	table->count++;
	return 0;
}

/* A slot of LINE that may move to TO: its own line is not behind TO. Else CS_TABLE_SLOTS. */
static uint32_t movable(const struct cs_table_slot *slots, uint32_t line, uint32_t to)
{
	for (uint32_t at = line; at < line + LINE; at++) {
		uint32_t home = home_of(cs_table_hash(slots[at].key));

		if (slots[at].key && ((line - home) & MASK) >= ((line - to) & MASK))
			return at;
	}
	return CS_TABLE_SLOTS;
}

/*
 * HOLE is in a line that was full: entries of lines behind it may have passed it. One moves
 * up, and leaves a hole of its own, until a line was not full.
 */
static void close_gap(struct cs_table_slot *slots, uint32_t hole)
{
	uint32_t to = hole & ~(LINE - 1);
	bool full = true;

	for (uint32_t line = next_line(to); full; line = next_line(line)) {
		uint32_t at = movable(slots, line, to);

		full = !slots_with(&slots[line], 0);
		if (at == CS_TABLE_SLOTS)
			continue;
		slots[hole] = slots[at];
		hole = at;
		to = line;
	}
	slots[hole].key = 0;
}

int cs_table_take(struct cs_table *table, uint64_t key, uint64_t *value)
{
	uint64_t hash = cs_table_hash(key);
	struct cs_table_segment *segment = cs_table_segment(table, hash);
	uint32_t line = home_of(hash), same, empty;
	struct cs_table_slot *slot;

	if (!key) /* an empty slot has it */
		return 0;
	for (;; line = next_line(line)) {
		same = slots_with(&segment->slots[line], key);
		empty = slots_with(&segment->slots[line], 0);
		if (same)
			break;
		if (empty)
			return 0;
	}
	segment = own(table, hash); /* a copy has the same slots */
	if (!segment)
		return -ENOMEM;
	slot = &segment->slots[line + (uint32_t)__builtin_ctz(same)];
	*value = slot->value;
	if (empty)
		slot->key = 0;
	else
		close_gap(segment->slots, (uint32_t)(slot - segment->slots));
	segment->used--;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): own() has put the segment into the table */
	table->count--;
	return 1;
}

int cs_table_get(const struct cs_table *table, uint64_t key, uint64_t *value)
{
	uint64_t hash = cs_table_hash(key);
	const struct cs_table_segment *segment;
	uint32_t at = hash & MASK;

	if (!table->directory)
		return 0;
	for (segment = cs_table_segment(table, hash); segment->slots[at].key != key;) {
		if (!segment->slots[at].key)
			return 0;
		at = (at + 1) & MASK;
	}
	*value = segment->slots[at].value;
	return 1;
}

void cs_table_each(const struct cs_table *table,
                   void (*visit)(void *context, uint64_t key, uint64_t value), void *context)
{
	for (uint64_t i = 0; table->directory && i < UINT64_C(1) << table->depth; i++) {
		const struct cs_table_segment *segment = table->directory[i];

		/* Of neighbours that point to one segment the first counts. */
		if (i > 0 && table->directory[i - 1] == segment)
			continue;
		for (uint32_t slot = 0; slot < CS_TABLE_SLOTS; slot++)
			if (segment->slots[slot].key)
				visit(context, segment->slots[slot].key,
				      segment->slots[slot].value);
	}
}
