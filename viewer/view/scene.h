/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scene: all that a view may look at. It is one moment of a recording (the present one, or
 * one that was travelled to), with other moments to compare it with. Views change nothing in
 * it; what it points to holds until the next scene.
 */
#ifndef CSV_VIEW_SCENE_H
#define CSV_VIEW_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/snapshot.h"
#include "model/stacks.h"
#include "widget/chart.h"

enum csv_series_unit { CSV_SERIES_BYTES, CSV_SERIES_COUNT, CSV_SERIES_SHARE };

/* A number over the whole time of the recording. */
struct csv_series {
	const char *title;
	enum csv_series_unit unit;
	const struct csv_point *points;
	uint32_t count;
};

/* What the picture before this one showed, for rates. */
struct csv_before {
	uint64_t time_ns;              /* 0: there is none */
	const uint64_t *thread_cpu_ns; /* by thread id - 1; CS_UNKNOWN */
	uint32_t threads;
	uint64_t switches; /* of all coroutines that lived; CS_UNKNOWN */
};

struct csv_scene {
	const struct cs_snapshot *now; /* never NULL */
	struct csv_before before;
	const struct cs_snapshot *mark;   /* what the person marked; NULL */
	const struct cs_snapshot *start;  /* the first moment; NULL: not asked for, see csv_view */
	const struct cs_snapshot *minute; /* a minute before now, or the first moment; NULL */
	struct cs_stacks *stacks;         /* of all of them */
	uint64_t from_ns, to_ns;          /* of the recording, so far */
	bool live;                        /* now is the present of a process */
	bool system;                      /* show the runtime's own coroutines too */
	const char *needle;               /* what is searched; "" */
	const struct csv_series *series;
	uint32_t series_count;
};

#endif
