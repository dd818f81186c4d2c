/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of addresses as ranges: sorted, apart, not touching. For a program's own mappings,
 * of which there are few (the kernel allows 65,530 by default).
 */
#ifndef CS_MODEL_RANGES_H
#define CS_MODEL_RANGES_H

#include <stddef.h>
#include <stdint.h>

struct cs_range {
	uint64_t low;
	uint64_t high; /* exclusive */
};

/* All zero is an empty set. */
struct cs_ranges {
	struct cs_range *at;
	size_t count;
	size_t room;
	uint64_t bytes; /* all together */
};

/* Ranges that would wrap around end at the last address. 0 or -ENOMEM. */
int cs_ranges_add(struct cs_ranges *ranges, uint64_t low, uint64_t bytes);
int cs_ranges_remove(struct cs_ranges *ranges, uint64_t low, uint64_t bytes);
uint64_t cs_ranges_within(const struct cs_ranges *ranges, uint64_t low, uint64_t high);
int cs_ranges_copy(struct cs_ranges *ranges, const struct cs_ranges *from);
void cs_ranges_free(struct cs_ranges *ranges);

#endif
