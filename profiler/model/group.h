/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines by their stacks: those that stand at the same place are one group. Ten thousand
 * that wait for the same channel are then one line.
 */
#ifndef CS_MODEL_GROUP_H
#define CS_MODEL_GROUP_H

#include "model/query.h"

#define CS_GROUP_REASONS 4u

struct cs_grouping;

struct cs_group {
	uint32_t process, runtime;
	const struct cs_stack *stack; /* "[no stack]" where none is known */
	uint32_t node;                /* one that looks so; 0 none */
	uint32_t spawn;               /* node, if they all were created there; 0 else */
	uint32_t count;
	uint32_t states[CS_COROUTINE_STATES];
	struct {
		uint32_t text; /* 0: no reason */
		uint32_t count;
	} reasons[CS_GROUP_REASONS]; /* the most frequent first; the rest is not told */
	uint32_t reason_count;
	uint32_t example; /* row of who has waited longest, else is in its state for longest */
	uint64_t example_since_ns; /* it is in its state since then */
	/* CS_UNKNOWN: of none. */
	uint64_t wait_ns; /* the longest */
	uint64_t age_ns;  /* the greatest */
	/* Sums over those of whom it is known. */
	uint64_t heap_bytes, cpu_ns, switches, stack_bytes, stack_used;
};

struct cs_groups {
	struct cs_group *groups;
	uint32_t count;
	uint32_t *of_row; /* of cs_groups_make(): by place in the snapshot; UINT32_MAX: in none */
	struct cs_grouping *grouping; /* from begin to end, and for find */
};

/*
 * Groups the COUNT coroutines in ROWS, which are places in the snapshot; the largest group
 * first, or by ORDER of their sums (CS_ORDER_ID stands for the count). 0 or -ENOMEM;
 * cs_groups_free() in either case. STACKS must outlive it.
 */
int cs_groups_make(struct cs_groups *groups, const struct cs_snapshot *snapshot,
                   struct cs_stacks *stacks, const uint32_t *rows, uint32_t count,
                   enum cs_order order);
void cs_groups_free(struct cs_groups *groups);

/*
 * The same, one by one, of coroutines that are elsewhere: ROW is what `example` will be. Groups
 * stand in no order. Each gives 0 or -ENOMEM; cs_groups_free() in either case.
 */
int cs_groups_begin(struct cs_groups *groups, const struct cs_snapshot *snapshot,
                    struct cs_stacks *stacks);
int cs_groups_add(struct cs_groups *groups, const struct cs_coroutine *coroutine, uint32_t row);
int cs_groups_end(struct cs_groups *groups);
/* After the end: which group a coroutine that stood there would be in; NULL: in none. SNAPSHOT
 * is that of the beginning, which may have been taken anew since then. */
struct cs_group *cs_groups_find(const struct cs_groups *groups, const struct cs_snapshot *snapshot,
                                const struct cs_coroutine *coroutine);

#endif
