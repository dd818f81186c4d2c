/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A huge page is only worth its 2 MiB to who fills it: most recorded processes are small, and
 * there may be thousands.
 */
#include "model/slab.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/list.h"

#define HUGE_BYTES ((size_t)2 << 20)
/* Pieces that are single: 1 MiB of a table's segments. */
#define SINGLE_COUNT 16u

struct piece {
	struct piece *next;
};

struct cs_slab {
	size_t piece_bytes;
	uint32_t holders;
	size_t blocks_count, blocks_room;
	void **blocks; /* everything that is to be freed */
	struct piece *given_back;
	uint8_t *cut, *end; /* what is left of the last huge page */
};

struct cs_slab *cs_slab_new(size_t piece_bytes)
{
	struct cs_slab *slab = calloc(1, sizeof(*slab));

	if (!slab)
		return NULL;
	slab->piece_bytes = piece_bytes;
	slab->holders = 1;
	return slab;
}

void cs_slab_hold(struct cs_slab *slab)
{
	slab->holders++;
}

void cs_slab_drop(struct cs_slab *slab)
{
	if (!slab || --slab->holders)
		return;
	for (size_t i = 0; i < slab->blocks_count; i++)
		free(slab->blocks[i]);
	free(slab->blocks);
	free(slab);
}

static void *new_block(struct cs_slab *slab, size_t bytes)
{
	void *blocks = slab->blocks, *block;

	if (cs_array_reserve(&blocks, &slab->blocks_room, sizeof(void *), slab->blocks_count + 1))
		return NULL;
	slab->blocks = blocks;
	block = aligned_alloc(bytes, bytes);
	if (block)
		slab->blocks[slab->blocks_count++] = block;
	return block;
}

static void *new_piece(struct cs_slab *slab)
{
	uint8_t *piece;

	if (slab->blocks_count < SINGLE_COUNT)
		return new_block(slab, slab->piece_bytes);
	if (slab->cut == slab->end) {
		slab->cut = slab->end = new_block(slab, HUGE_BYTES);
		if (!slab->cut)
			return NULL;
		/* Where there are none, small pages do. */
		(void)madvise(slab->cut, HUGE_BYTES, MADV_HUGEPAGE);
		slab->end = slab->cut + HUGE_BYTES;
	}
	piece = slab->cut;
	slab->cut += slab->piece_bytes;
	return piece;
}

void *cs_slab_take(struct cs_slab *slab)
{
	struct piece *piece = slab->given_back;

	if (piece)
		slab->given_back = piece->next;
	else
		piece = new_piece(slab);
	return piece ? memset(piece, 0, slab->piece_bytes) : NULL;
}

void cs_slab_give(struct cs_slab *slab, void *given)
{
	struct piece *piece = given;

	if (!piece)
		return;
	piece->next = slab->given_back;
	slab->given_back = piece;
}
