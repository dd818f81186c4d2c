/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot: the model at one time, immutable, with the names of its frames. Everything a
 * person sees is drawn from one. It copies the sums and borrows definitions and names: model
 * and symbols must outlive it, and later definitions do not disturb it.
 */
#ifndef CS_MODEL_SNAPSHOT_H
#define CS_MODEL_SNAPSHOT_H

#include "base/arena.h"
#include "model/coroutine.h"
#include "model/model.h"
#include "model/symbols.h"
#include "model/tally.h"

enum cs_metric {
	CS_METRIC_INUSE_SPACE,
	CS_METRIC_INUSE_OBJECTS,
	CS_METRIC_ALLOC_SPACE,
	CS_METRIC_ALLOC_OBJECTS,
	CS_METRIC_PEAK_SPACE,
	CS_METRIC_TEMPORARY_OBJECTS,
	CS_METRIC_HEAP_COUNT, /* of the heap, up to here; the others are tallies … */
	CS_METRIC_CPU = CS_METRIC_HEAP_COUNT,
	CS_METRIC_WALL,
	CS_METRIC_OFFCPU,
	CS_METRIC_DELAY,
	CS_METRIC_CONTENTIONS,
	CS_METRIC_SPAWNED,
	CS_METRIC_COROUTINES, /* … and what there is of coroutines */
	CS_METRIC_STACK_SPACE,
	CS_METRIC_COUNT
};

struct cs_metric_info {
	const char *name; /* cli.md */
	const char *unit; /* "bytes", "count" or "ns" */
	const char *title;
	bool since_start; /* a sum that only grows, else a state */
	bool by_samples;  /* an estimate from samples in time */
};
extern const struct cs_metric_info cs_metric_info[CS_METRIC_COUNT];

/* CS_METRIC_COUNT: no such metric. */
enum cs_metric cs_metric_by_name(const char *name);

/* The values of one cell. Objects are rounded to whole ones only when they are shown. */
struct cs_row {
	uint32_t process, thread, node, spawn;
	double value[CS_METRIC_HEAP_COUNT];
	double variance[CS_METRIC_HEAP_COUNT];
	uint64_t samples[CS_METRIC_HEAP_COUNT]; /* sampled blocks behind the value */
};

/* One value of a metric that is not the heap's: a tally's, or of a coroutine. */
struct cs_other_row {
	uint32_t process, thread, node, spawn;
	uint32_t label; /* text of the model */
	uint8_t metric; /* enum cs_metric */
	uint64_t value;
	uint64_t samples;
};

struct cs_snapshot {
	uint64_t time_ns;
	const struct cs_model *model;
	const struct cs_symbols *symbols;
	bool sampled;        /* any process in it is */
	bool exact;          /* no process sampled, and none lost an event */
	uint64_t mean_bytes; /* the largest of its processes' means */
	uint64_t lost;
	bool sums_only; /* see cs_snapshot_take_sums() */
	struct cs_row *rows;
	uint32_t row_count;
	struct cs_other_row *others;
	uint32_t other_count;
	/*
	 * Copies, whatever becomes of the model. Coroutines are those in all slots, also who has
	 * ended and left blocks; their texts and heaps are the snapshot's. Threads are by id - 1,
	 * and their `coroutine` is 1 + the place in `coroutines`, 0 none.
	 */
	struct cs_coroutine *coroutines;
	uint32_t coroutine_count;
	struct cs_thread *threads;
	uint32_t thread_count;
	struct cs_figure *figures; /* by id - 1 */
	struct cs_arena texts;
};

/* One metric's part of a row. */
struct cs_item {
	uint32_t process, thread, node, spawn;
	uint32_t label;     /* text; 0: none, and of the heap */
	uint32_t coroutine; /* 1 + place in the snapshot; only of cs_snapshot_coroutine_items() */
	double value, variance;
	double objects; /* where the metric has a count of objects beside it */
	uint64_t samples;
};

/* Everything of METRIC in SNAPSHOT, also items of value 0. For free(). 0 or -ENOMEM. */
int cs_snapshot_items(const struct cs_snapshot *snapshot, enum cs_metric metric,
                      struct cs_item **items, uint32_t *count);
/*
 * The same by coroutine, from what each keeps of itself, and for each process what is left of
 * its total: of threads without coroutines, and of coroutines that nobody saw.
 */
int cs_snapshot_coroutine_items(const struct cs_snapshot *snapshot, enum cs_metric metric,
                                struct cs_item **items, uint32_t *count);
/* Whether coroutines keep METRIC of themselves. */
bool cs_metric_is_of_coroutines(enum cs_metric metric);
/* The metric that counts what METRIC measures; -1: none. */
int cs_metric_objects(enum cs_metric metric);
/* Whether SNAPSHOT has a value of METRIC at all. */
bool cs_snapshot_holds(const struct cs_snapshot *snapshot, enum cs_metric metric);

struct cs_snapshot *cs_snapshot_take(const struct cs_model *model,
                                     const struct cs_symbols *symbols);
/*
 * The sums of the heap and the tallies alone, at a cost that does not grow with the number of
 * coroutines: in it are none, nor threads and figures, and no metric that is of coroutines.
 */
struct cs_snapshot *cs_snapshot_take_sums(const struct cs_model *model,
                                          const struct cs_symbols *symbols);
/*
 * The same, but the process whose peak is highest is shown exactly as it was then. MODEL is at
 * the end of the tick in which that was, so that the other processes are as they were too.
 */
struct cs_snapshot *cs_snapshot_take_peak(const struct cs_model *model,
                                          const struct cs_symbols *symbols);
void cs_snapshot_free(struct cs_snapshot *snapshot);

/*
 * The 95 % interval of an estimated sum, conservative where few samples are behind it. MEAN is
 * the largest weight of a block that may be there unseen: the sampling mean for bytes; at most
 * 1: nothing is unseen. With variance 0 and MEAN at most 1 (exact) it is a point.
 */
void cs_interval95(double value, double variance, double mean, double *low, double *high);

/* The same for a sum of SNAPSHOT's values of METRIC, with the MEAN that belongs to it. */
void cs_snapshot_interval95(const struct cs_snapshot *snapshot, enum cs_metric metric, double value,
                            double variance, double *low, double *high);

#endif
