/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks and mappings that may become stacks: where they are, and who asked for them. So a
 * coroutine of a switcher that we do not know has bounds and an origin when it is met.
 *
 * What is asked for again and again by a place of the program that never made a stack of it
 * is not followed any more: see csa_region_wanted().
 */
#ifndef CSA_COROUTINE_REGION_H
#define CSA_COROUTINE_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/stack.h"

struct csa_region {
	uint64_t live;
	uint64_t low, high;
	uint64_t spawn; /* the stack that asked for it */
	uint64_t site;  /* its innermost frame's address */
	uint32_t cell[2];
	uint32_t next;
	uint32_t reserved;
	uint64_t reserved2;
};

/* At start: from now on blocks are followed. */
void csa_region_start(void);

/* Whether a block of BYTES that the code at PC asks for is worth following. */
bool csa_region_wanted(uint64_t pc, size_t bytes);

/* With csa_tls.busy set. */
void csa_region_add(uint64_t low, uint64_t bytes, uint64_t spawn, uint64_t site);

/* The one that holds ADDRESS; NULL none. */
struct csa_region *csa_region_find(uint64_t address);
struct csa_region *csa_region_find_low(uint64_t low);

/* A coroutine runs on it: whatever its site asks for is worth following. */
void csa_region_is_stack(const struct csa_region *region);

/* The block is freed. */
void csa_region_end(struct csa_region *region);

/* [low, low + bytes) has been unmapped: what is left of regions goes on. */
void csa_region_cut(uint64_t low, uint64_t bytes);

#endif
