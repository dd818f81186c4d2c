/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of one size for large tables. The first few are single; then they are cut from huge
 * pages, because a table that is hit at random misses the TLB with almost every touch
 * otherwise. Held by several tables, freed with the last; pieces that were given back are
 * used again, and memory returns to the system only at the end.
 */
#ifndef CS_MODEL_SLAB_H
#define CS_MODEL_SLAB_H

#include <stddef.h>

struct cs_slab;

/* PIECE_BYTES: a power of two, at least 64 and at most 2 MiB. NULL: no memory. */
struct cs_slab *cs_slab_new(size_t piece_bytes);
void cs_slab_hold(struct cs_slab *slab);
/* The last one frees the pieces as well. NULL does nothing. */
void cs_slab_drop(struct cs_slab *slab);

/* All zero. NULL: no memory. */
void *cs_slab_take(struct cs_slab *slab);
void cs_slab_give(struct cs_slab *slab, void *piece);

#endif
