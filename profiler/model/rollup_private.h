/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rollup.c (rows to groups) and rollup_entries.c (groups to entries) share.
 */
#ifndef CS_MODEL_ROLLUP_PRIVATE_H
#define CS_MODEL_ROLLUP_PRIVATE_H

#include "base/arena.h"
#include "base/index.h"
#include "base/list.h"
#include "model/rollup.h"

/* One entry in the making. */
struct group {
	uint64_t key;
	double value, base, objects, cumulative;
	struct cs_entry entry; /* what it is, and what needs no rounding */
	uint32_t counted;      /* the row that was last added to cumulative */
	double change;         /* what it is sorted by */
};

struct cs_rollup_private {
	struct cs_arena labels;
	struct cs_list groups;
	struct cs_index index; /* key to group + 1 */
	double value, base,
		objects; /* of all rows, in their order: the same whatever they are summed by */
};

/* Sorts and rounds the groups into rollup->entries. 0 or -ENOMEM. */
int cs_rollup_make_entries(struct cs_rollup *rollup);

#endif
