/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers over the whole time of a recording, for the timeline: heap in use, coroutines in all
 * and by state (without the runtime's own), CPU. One pass over a trace; then a point for each moment that follows.
 */
#ifndef CSV_APP_SERIES_H
#define CSV_APP_SERIES_H

#include "model/model.h"
#include "trace/trace.h"
#include "view/scene.h"

#define CSV_SERIES_MAX 8

struct csv_timeline {
	struct csv_series series[CSV_SERIES_MAX]; /* those that hold anything; points are owned */
	uint32_t count;
	struct csv_series all[CSV_SERIES_MAX];
	size_t rooms[CSV_SERIES_MAX];
	uint64_t last_ns; /* of the last point */
};

/* The state of MODEL as one more point, unless it is no later than the last. 0 or -ENOMEM. */
int csv_timeline_add(struct csv_timeline *timeline, const struct cs_model *model);

/* All of TRACE, in at most some hundred points; TIMELINE is all zero. 0 or -errno with DIAG. */
int csv_timeline_read(struct csv_timeline *timeline, struct cs_trace *trace,
                      const struct cs_pace *pace, struct cs_diag *diag);

void csv_timeline_release(struct csv_timeline *timeline);

#endif
