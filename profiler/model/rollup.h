/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rollup: one metric of a snapshot summed up by stack, function, module, thread or process,
 * or the same of two snapshots side by side. What every report and export is written from.
 *
 * Invariant: the values of the entries add up to the total, exactly, whatever they are summed
 * by; where estimates are fractions, they are rounded so that it holds.
 */
#ifndef CS_MODEL_ROLLUP_H
#define CS_MODEL_ROLLUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "model/filter.h"
#include "model/snapshot.h"
#include "model/stacks.h"

enum cs_by {
	CS_BY_STACK,
	CS_BY_FUNCTION,
	CS_BY_MODULE,
	CS_BY_THREAD, /* from here on no entry is a part of the item's own stack */
	CS_BY_PROCESS,
	CS_BY_SPAWN, /* entries have stacks: where coroutines were created */
	CS_BY_LABEL,
	CS_BY_COROUTINE, /* from what each keeps of itself: stacks and threads are not known */
	CS_BY_COUNT
};

/* What --by takes; ends with NULL. */
extern const char *const cs_by_names[CS_BY_COUNT + 1];

/* CS_BY_COUNT: no such way. */
enum cs_by cs_by_by_name(const char *name);

/* What lost events make of figures that would be exact. */
enum cs_certainty {
	CS_CERTAIN,
	CS_AT_LEAST, /* sums since the start: what was lost is missing */
	CS_ABOUT     /* in use: lost allocations are missing, lost frees are still there */
};

struct cs_entry {
	int64_t value;       /* by function: of calls in the function itself */
	int64_t cumulative;  /* by function: of everything it called as well; else = value */
	int64_t objects;     /* if the rollup has_objects */
	int64_t base, delta; /* if the rollup has a base: delta = value - base */
	uint64_t samples;    /* sampled blocks behind value */
	const struct cs_stack *stack; /* by stack and spawn; NULL else */
	const struct cs_call *call;   /* by stack and function: the function; else NULL */
	const char *label; /* what the entry is called: function, module, thread, process */
	uint32_t process;  /* by thread and process: id in its model; else 0 */
	uint32_t thread;   /* by thread */
};

struct cs_rollup_options {
	enum cs_metric metric;
	enum cs_by by;
	const struct cs_filter *filter; /* NULL: everything */
	/*
	 * NULL, or what SNAPSHOT is compared with: a snapshot of the same or another trace.
	 * Entries are then sorted by the size of their change.
	 */
	const struct cs_snapshot *base;
	/*
	 * BASE is an earlier time of the same trace and only what came after it counts: value is
	 * the difference, there is no base and no delta. For alloc_* and temporary_objects.
	 */
	bool since_base;
	/* When several processes have entries: each stack starts with its program's name. */
	bool process_root;
};

struct cs_rollup {
	const struct cs_snapshot *snapshot;
	const struct cs_snapshot *base; /* NULL: no comparison */
	enum cs_metric metric;
	enum cs_by by;
	struct cs_entry *entries; /* largest first (change, with a base); none all 0 */
	uint32_t count;
	int64_t total, base_total;
	int64_t objects;     /* in all, if has_objects */
	bool has_objects;    /* the metric has a count of objects beside it */
	bool sampled;        /* any process that passed the filter was sampled */
	uint64_t mean_bytes; /* the largest mean of these */
	uint64_t samples;
	double variance;  /* of total */
	double low, high; /* 95 % interval of total; = total when not sampled */
	enum cs_certainty certainty;
	uint64_t lost;      /* events, of the processes that passed the filter */
	uint32_t processes; /* that have entries */
	struct cs_stacks *stacks;
	struct cs_rollup_private *private;
};

/* NULL with DIAG set: no memory. The snapshots must outlive it. */
struct cs_rollup *cs_rollup_new(const struct cs_snapshot *snapshot,
                                const struct cs_rollup_options *options, struct cs_diag *diag);
void cs_rollup_free(struct cs_rollup *rollup);

#endif
