/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines by their stacks: those that stand at the same place are one group. Ten thousand
 * that wait for the same channel are then one line.
 */
#ifndef CS_MODEL_GROUP_H
#define CS_MODEL_GROUP_H

#include "model/query.h"

#define CS_GROUP_REASONS 4u

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
	uint32_t example; /* place in the snapshot: who has waited longest, else the first */
	/* CS_UNKNOWN: of none. */
	uint64_t wait_ns; /* the longest */
	uint64_t age_ns;  /* the greatest */
	/* Sums over those of whom it is known. */
	uint64_t heap_bytes, cpu_ns, switches, stack_bytes, stack_used;
};

struct cs_groups {
	struct cs_group *groups; /* the largest first, or by QUERY's order of their sums */
	uint32_t count;
	uint32_t *of_row; /* by place in the snapshot: of groups; UINT32_MAX: in none */
};

/*
 * Groups the COUNT coroutines in ROWS. ORDER: CS_ORDER_ID stands for the count. 0 or -ENOMEM;
 * cs_groups_free() in either case. STACKS must outlive it.
 */
int cs_groups_make(struct cs_groups *groups, const struct cs_snapshot *snapshot,
                   struct cs_stacks *stacks, const uint32_t *rows, uint32_t count,
                   enum cs_order order);
void cs_groups_free(struct cs_groups *groups);

#endif
