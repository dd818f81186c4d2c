/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena: memory that is taken piece by piece and given back as a whole.
 */
#ifndef CS_BASE_ARENA_H
#define CS_BASE_ARENA_H

#include <stddef.h>

struct cs_arena_block;

/* All zero is an empty arena. */
struct cs_arena {
	struct cs_arena_block *blocks;
	size_t left; /* bytes free at the end of the first block */
};

/* BYTES, not cleared, aligned to 8; they never move. NULL: no memory. */
void *cs_arena_take(struct cs_arena *arena, size_t bytes);
/* A copy of TEXT. */
char *cs_arena_text(struct cs_arena *arena, const char *text);
void cs_arena_free(struct cs_arena *arena);

#endif
