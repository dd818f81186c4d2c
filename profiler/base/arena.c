/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of 64 KiB, the newest first: only that one has room. Pieces are whole words, so that
 * each is aligned for anything the profiler keeps in one.
 */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (64u << 10)

struct cs_arena_block {
	struct cs_arena_block *next;
	size_t bytes;
	unsigned char data[];
};

static int add_block(struct cs_arena *arena, size_t bytes)
{
	size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
	struct cs_arena_block *block = malloc(sizeof(*block) + room);

	if (!block)
		return -1;
	block->next = arena->blocks;
	block->bytes = room;
	arena->blocks = block;
	arena->left = room;
	return 0;
}

void *cs_arena_take(struct cs_arena *arena, size_t bytes)
{
	if (bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + 7) & ~(size_t)7;
	if ((!arena->blocks || arena->left < bytes) && add_block(arena, bytes))
		return NULL;
	struct cs_arena_block *block = arena->blocks;
	void *piece = block->data + (block->bytes - arena->left);

	arena->left -= bytes;
	return piece;
}

char *cs_arena_text(struct cs_arena *arena, const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *copy = cs_arena_take(arena, bytes);

	if (copy)
		memcpy(copy, text, bytes);
	return copy;
}

void cs_arena_free(struct cs_arena *arena)
{
	struct cs_arena_block *block = arena->blocks;

	while (block) {
		struct cs_arena_block *next = block->next;

		free(block);
		block = next;
	}
	memset(arena, 0, sizeof(*arena));
}
