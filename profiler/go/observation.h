/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the Go observer share: one process that is looked at again and again, and
 * what was last seen of it.
 */
#ifndef CS_GO_OBSERVATION_H
#define CS_GO_OBSERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "go/goroutines.h"
#include "go/labels.h"
#include "go/names.h"
#include "go/process.h"
#include "model/coroutine.h"
#include "source/observe.h"
#include "source/threads.h"

/* Of one slot of the model, when it was last looked at. */
struct cs_go_last {
	uint64_t number; /* of the goroutine; 0: none of ours */
	uint64_t hash;   /* of its stack's contents */
	uint64_t looks;  /* number of the look that saw it */
};

/* A thread of the process, as /proc and as the runtime number it. */
struct cs_go_thread {
	uint32_t tid, inner_tid; /* the same but in another PID namespace */
	uint32_t id;             /* of the model */
	uint64_t looks;
	uint64_t m, current; /* addresses, 0 none */
	bool in_cgo;
};

struct cs_observation {
	struct cs_go *go;
	struct cs_model *model;
	uint32_t process, runtime;
	struct cs_go_names names;
	struct cs_go_goroutines goroutines;
	struct cs_go_labels labels;
	struct cs_go_last *last; /* by slot */
	size_t last_room;
	uint32_t reasons[256];    /* texts of the model; 0: not asked yet */
	struct cs_threads kernel; /* what it says of the threads */
	struct cs_go_thread *threads;
	uint32_t thread_count, thread_room;
	uint64_t looks;
	uint64_t previous_ns;           /* time of the look before, of the model */
	uint64_t clock_stamp, clock_ns; /* of the processor's counter, when it was opened */
};

/* ---- tell.c: goroutines to the model ---- */

/* NOW_NS: CLOCK_MONOTONIC. WHOLE: all were read, so that others have ended. 0 or -ENOMEM. */
int cs_go_tell(struct cs_observation *observation, uint64_t now_ns, bool whole);
/* The slot of the goroutine NUMBER, noted as seen; 0: no memory. */
uint32_t cs_go_tell_slot(struct cs_observation *observation, uint64_t number);

/* ---- threads.c ---- */

/* Which threads there are and what they run; 0, -ESRCH or -ENOMEM. */
int cs_go_threads_read(struct cs_observation *observation);
void cs_go_threads_tell(struct cs_observation *observation);
const struct cs_go_thread *cs_go_thread_of(const struct cs_observation *observation, uint64_t m);

/* ---- figures.c, heap.c, spans.c: what the runtime counts; absent where it is not found ---- */

void cs_go_figures_tell(struct cs_observation *observation);
/* The runtime's heap profile. *WHY: there is none because …; NULL: it was told. */
int cs_go_heap_tell(struct cs_observation *observation, const char **why);
/* What stands in for it: the heap by size of objects. */
int cs_go_spans_tell(struct cs_observation *observation);
/* Block and mutex profiles; nothing where they are off. */
int cs_go_delays_tell(struct cs_observation *observation);

#endif
