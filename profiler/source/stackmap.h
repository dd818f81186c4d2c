/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stack hashes of one process stand for: nodes of the model. Open addressing, 16
 * bytes an entry. Hashes are computed from frames by us, never taken from the wire.
 */
#ifndef CS_SOURCE_STACKMAP_H
#define CS_SOURCE_STACKMAP_H

#include <stdbool.h>
#include <stdint.h>

/* A process that claims more stacks than this gets no further ones: 64 MiB of entries. */
#define CS_STACKMAP_MAX UINT32_C(2000000)

struct cs_stackmap_entry {
	uint64_t hash; /* 0: empty */
	uint32_t node;
	uint32_t broken; /* an outer part of it was not known when it was defined */
};

struct cs_stackmap {
	struct cs_stackmap_entry *entries;
	uint32_t mask; /* capacity - 1 */
	uint32_t count;
	uint64_t secret;
};

/* NULL: not defined. */
const struct cs_stackmap_entry *cs_stackmap_find(const struct cs_stackmap *map, uint64_t hash);
/* Adds or replaces. -ENOMEM also when there are too many. */
int cs_stackmap_set(struct cs_stackmap *map, uint64_t hash, uint32_t node, bool broken);
void cs_stackmap_free(struct cs_stackmap *map);

#endif
