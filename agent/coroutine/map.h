/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From addresses to what lies there: by any address within a range, and by its lowest one, for
 * frees. For the stacks of coroutines, and for blocks that may become stacks.
 *
 * Lock-free, and of bounded time. Cells hold lines of items; a cell is believed only if its
 * item says that it is its cell, so nothing is ever taken out and what ended is overwritten.
 */
#ifndef CSA_COROUTINE_MAP_H
#define CSA_COROUTINE_MAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coroutine/slots.h"

/* Ranges beyond this are looked up within this much of their high end. */
#define CSA_MAP_REACH (UINT64_C(64) << 20)

/* Items lie in lines of 64 bytes; so many can be told apart. */
#define CSA_MAP_LINE_BITS 23

enum { CSA_MAP_BY_TOP, CSA_MAP_BY_LOW, CSA_MAP_KINDS };

/* Items are structs at multiples of 64 bytes from one place, with these members. */
struct csa_map {
	uint8_t *const *items;
	uint16_t live;       /* uint64_t: not 0 as long as it is there */
	uint16_t low;        /* uint64_t */
	uint16_t high;       /* uint64_t */
	uint16_t cell;       /* uint32_t [CSA_MAP_KINDS]: private to the map */
	bool disjoint;       /* no address lies in two of them, … */
	_Atomic bool nested; /* … unless one lies within the other: then the innermost is found */
	/*
	 * Level L begins at 1 << L. The low CSA_MAP_LINE_BITS are a line, 0: never used; the others
	 * count how often the cell was written, so that who has seen an item end in it does not
	 * overwrite the same item come back.
	 */
	_Atomic uint32_t *cells[CSA_MAP_KINDS];
	/* A bit for each page that ever held a high end, or a low one. */
	_Atomic uint64_t *pages[CSA_MAP_KINDS];
	_Atomic uint32_t level;
	_Atomic uint32_t pages_max; /* of the largest range */
};

extern struct csa_map csa_slot_map __attribute__((visibility("hidden")));

bool csa_map_open(struct csa_map *map);

/* Tables grow with the number of items: called now and then. */
void csa_map_grow(struct csa_map *map, uint32_t items);

/* ITEM, which lives, has its range. False: there is no room. */
bool csa_map_add(struct csa_map *map, void *item);

/* The living item whose range holds ADDRESS; NULL none. */
void *csa_map_find(struct csa_map *map, uint64_t address);

/* The same, if its high end lies on ADDRESS's own page: at once, also when there is none. */
void *csa_map_find_near(struct csa_map *map, uint64_t address);

/*
 * The one that ends at most 4 KiB below ADDRESS and holds what is BYTES below it: at once.
 */
void *csa_map_find_below(struct csa_map *map, uint64_t address, uint32_t bytes);

/* The living item whose range begins at LOW; NULL none. */
void *csa_map_find_low(struct csa_map *map, uint64_t low);

/*
 * One after the other, those that lie in [LOW, HIGH); NULL: there are no more. *CURSOR is 0 at
 * first. The caller ends each, or is given it again.
 */
void *csa_map_next_within(struct csa_map *map, uint64_t low, uint64_t high, uint64_t *cursor);

#endif
