/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of each stack is in memory, and how far down it was ever used: by the page, from
 * /proc/PID/pagemap. Stacks that lie together are read together.
 */
#ifndef CS_SOURCE_STACKMEM_H
#define CS_SOURCE_STACKMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cs_stackmem {
	uint64_t low, high;
	uint32_t id;       /* of the caller */
	bool probed;       /* pages that were only read, and are nobody's own, do not count */
	uint64_t resident; /* out: bytes of its pages that are in memory or swapped out */
	uint64_t peak;     /* out: from its lowest touched page to its end */
};

/* Sorts STACKS by address and fills them in. 0 or -errno: nothing was. */
int cs_stackmem_read(uint32_t pid, struct cs_stackmem *stacks, size_t count);

#endif
