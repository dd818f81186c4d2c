/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which coroutines of a snapshot are looked at, and in what order: what ps and the viewer ask.
 */
#ifndef CS_MODEL_QUERY_H
#define CS_MODEL_QUERY_H

#include "base/diag.h"
#include "model/filter.h"
#include "model/snapshot.h"
#include "model/stacks.h"

/* The largest, longest or most first; ids from 1 on. What is not known comes last. */
enum cs_order {
	CS_ORDER_ID,
	CS_ORDER_WAIT,
	CS_ORDER_AGE,
	CS_ORDER_HEAP,
	CS_ORDER_CPU,
	CS_ORDER_SWITCHES,
	CS_ORDER_STACK, /* bytes of it in use */
	CS_ORDER_COUNT
};
extern const char *const cs_order_names[CS_ORDER_COUNT + 1]; /* ended by NULL */

struct cs_query {
	unsigned states;     /* 1 << enum cs_coroutine_state; 0: all but dead */
	const char *reason;  /* part of the reason's text; NULL: any, also none */
	const char *runtime; /* its name; NULL: any */
	uint64_t min_age_ns; /* 0: any, also an unknown one */
	bool system;         /* also the runtimes' own */
	enum cs_order order;
	/* Of processes, and of functions on the stack. NULL: all. */
	const struct cs_filter *filter;
};

/*
 * Places in SNAPSHOT's coroutines, in QUERY's order; for free(). 0 or -ENOMEM. *HIDDEN, may be
 * NULL: how many were passed over only because they are a runtime's own.
 */
int cs_query_run(const struct cs_query *query, const struct cs_snapshot *snapshot,
                 struct cs_stacks *stacks, uint32_t **rows, uint32_t *count, uint32_t *hidden);

/* ---- what is known of one at SNAPSHOT's time; CS_UNKNOWN: nothing ---- */
/* Since when it has been waiting, at least. Of who does not wait: unknown. */
uint64_t cs_coroutine_wait_ns(const struct cs_snapshot *snapshot,
                              const struct cs_coroutine *coroutine);
/* How long ago it was seen on its stack; of one whose stack is where it is now: unknown. */
uint64_t cs_coroutine_stack_age_ns(const struct cs_snapshot *snapshot,
                                   const struct cs_coroutine *coroutine);
uint64_t cs_coroutine_age_ns(const struct cs_snapshot *snapshot,
                             const struct cs_coroutine *coroutine);
uint64_t cs_coroutine_heap_bytes(const struct cs_coroutine *coroutine);
uint64_t cs_coroutine_stack_bytes(const struct cs_coroutine *coroutine);
/* Less than a tenth of its stack is left, now or at its highest. */
bool cs_coroutine_is_near_overflow(const struct cs_coroutine *coroutine);

/* "go/18". */
struct cs_coroutine_id {
	char s[64];
};
struct cs_coroutine_id cs_coroutine_id(const struct cs_model *model, uint32_t runtime,
                                       uint64_t number);

#endif
