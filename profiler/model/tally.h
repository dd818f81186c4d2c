/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tallies and figures: numbers of a process beside its heap.
 *
 * A tally is a sum by stack that only grows: CPU time, wall-clock time, delays, coroutines
 * spawned. A figure is one number with a name that goes up and down: what a runtime says of its
 * memory and its scheduler. Both are append-only definitions with dense ids, as cells are.
 */
#ifndef CS_MODEL_TALLY_H
#define CS_MODEL_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"
#include "model/texts.h"

enum cs_tally_kind {
	CS_TALLY_CPU,         /* ns on a CPU, by kernel samples */
	CS_TALLY_WALL,        /* ns, on a CPU or not, by repeated reading */
	CS_TALLY_OFFCPU,      /* ns not on a CPU */
	CS_TALLY_DELAY,       /* ns: Go's block and mutex profiles; label tells which */
	CS_TALLY_CONTENTIONS, /* count: the same */
	CS_TALLY_SPAWNED,     /* coroutines created; node: the spawn stack */
	CS_TALLY_KINDS
};

struct cs_tally {
	uint32_t process;
	uint32_t thread; /* 0: not known, or not kept */
	uint32_t node;   /* the stack */
	uint32_t spawn;  /* node: of the coroutine that it ran on; 0 none or unknown */
	uint32_t label;  /* text: "block", "mutex", a coroutine's labels; 0 none */
	uint8_t kind;    /* enum cs_tally_kind */
	bool dirty;
	uint64_t value;
	uint64_t samples;
};

/* The same key gives the same id; 0: no memory or a key that is not there. KEY's value is not read. */
uint32_t cs_model_tally(struct cs_model *model, const struct cs_tally *key);
uint32_t cs_model_tally_count(const struct cs_model *model);
const struct cs_tally *cs_model_tally_at(const struct cs_model *model, uint32_t id);
void cs_model_tally_add(struct cs_model *model, uint32_t id, uint64_t value, uint64_t samples);
/* For sources that read a sum which somebody else keeps. */
void cs_model_tally_set(struct cs_model *model, uint32_t id, uint64_t value, uint64_t samples);
void cs_model_take_dirty_tallies(struct cs_model *model, cs_model_visit *visit, void *context);

enum cs_unit { CS_UNIT_COUNT, CS_UNIT_BYTES, CS_UNIT_NS, CS_UNIT_RATIO, CS_UNITS };
extern const char *const cs_unit_names[CS_UNITS]; /* "count", "bytes", "ns", "ratio" */

struct cs_figure {
	uint32_t process;
	uint32_t name; /* text: "go.heap_inuse", "go.sched.idle_ps" */
	uint8_t unit;  /* enum cs_unit */
	bool dirty;
	bool known;
	double value;
	uint64_t time_ns; /* of the value */
};

uint32_t cs_model_figure(struct cs_model *model, uint32_t process, const char *name,
                         enum cs_unit unit);
uint32_t cs_model_figure_count(const struct cs_model *model);
const struct cs_figure *cs_model_figure_at(const struct cs_model *model, uint32_t id);
/* At the model's time. A value that is not finite is passed over. */
void cs_model_figure_set(struct cs_model *model, uint32_t id, double value);
void cs_model_take_dirty_figures(struct cs_model *model, cs_model_visit *visit, void *context);

/*
 * Heap sums that somebody else keeps (a runtime's own profile): sets a cell's sums as they are,
 * with the process's totals kept right. Variances are those of the estimates. Call
 * cs_model_heap_peak() after the sums of one moment have been set. Sums that can't be (more
 * freed than allocated) are passed over.
 */
void cs_model_heap_set(struct cs_model *model, uint32_t cell, const struct cs_heap_sum *sum);

#endif
