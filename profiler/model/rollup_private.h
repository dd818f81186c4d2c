/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rollup.c (rows into groups), rollup_groups.c (which group) and rollup_entries.c (groups to
 * entries) share.
 */
#ifndef CS_MODEL_ROLLUP_PRIVATE_H
#define CS_MODEL_ROLLUP_PRIVATE_H

#include "base/arena.h"
#include "base/index.h"
#include "base/list.h"
#include "model/query.h"
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

/* One snapshot on its way into the rollup. Private to rollup.c, but for what groups are made of. */
struct cs_rollup_pass {
	struct cs_rollup *rollup;
	const struct cs_rollup_options *options;
	const struct cs_snapshot *snapshot;
	struct cs_item *items; /* of the metric, one for each row */
	uint32_t count;
	double sign;                    /* -1: what is subtracted */
	bool is_base;                   /* goes into `base` instead of `value` */
	const struct cs_stack **stacks; /* by row, NULL when not needed */
	unsigned char *bits;            /* by stack: of cs_filter_call, 4 known */
	bool *process_passes;           /* by id */
	bool compare;                   /* with another trace: ids mean nothing */
	bool roots;                     /* stacks start with the program */
};

/* The group that ITEM, with STACK, is counted in; NULL: no memory. */
struct group *cs_rollup_group(const struct cs_rollup_pass *pass, const struct cs_item *item,
                              const struct cs_stack *stack);

/* The group of a function, by the call that was seen first; NULL: no memory. */
struct group *cs_rollup_function(struct cs_rollup *rollup, const struct cs_call *call);

/* What a process is called: its program without the folder. */
const char *cs_rollup_program(const struct cs_process *process);

/* Sorts and rounds the groups into rollup->entries. 0 or -ENOMEM. */
int cs_rollup_make_entries(struct cs_rollup *rollup);

#endif
