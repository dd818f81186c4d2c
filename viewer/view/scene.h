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

#include "base/index.h"
#include "model/coroutine.h"
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
	uint64_t time_ns;  /* 0: there is none */
	uint64_t switches; /* of all coroutines that lived; CS_UNKNOWN */
};

/* Of all coroutines that live now; counted once a scene, for there may be a million. */
struct csv_counts {
	uint64_t all, system, unstable;
	uint64_t states[CS_COROUTINE_STATES], system_states[CS_COROUTINE_STATES];
	uint64_t switches; /* CS_UNKNOWN: none is counted */
	uint64_t
		seen_ns; /* when one of those that are looked at was seen last; 0: there are none */
};

/* What is remembered of a slot of the model. */
struct csv_place {
	uint64_t number, parent_number; /* of who is in it */
	uint32_t hash, parent_hash;     /* of who that is, and the parent */
	uint32_t parent;                /* slot; 0: nobody who lives */
	bool lives;
	bool system; /* the runtime's own */
};

/* Those that live, by slot from the first on. See living.h. */
struct csv_living {
	uint32_t *ids;
	uint32_t count;
	struct csv_place *places; /* by slot, from 1 on */
	uint32_t slots;           /* room */
	struct cs_index index;    /* of slots, by hash */
};

/* How many coroutines stood where at an earlier moment, by what model/group.h goes by. */
struct csv_census_row {
	uint32_t process, runtime, node;
	uint8_t state; /* where no stack is known */
	uint64_t count, system;
};
struct csv_census {
	bool known;
	uint64_t time_ns;
	struct csv_census_row *rows;
	uint32_t count;
};

/* One coroutine, whatever slot it is in. */
struct csv_who {
	uint32_t process, runtime; /* 0, 0: nobody */
	uint64_t number;
};

/* What one coroutine did, as far as somebody wrote it down: the newest of it, oldest first. */
#define CSV_STORY_MAX 64
struct csv_story_row {
	uint64_t time_ns; /* it was so from then on */
	uint32_t reason, thread;
	uint8_t state;
	bool observed; /* it was seen then, and may have been so before */
};
enum csv_story_source {
	CSV_STORY_NONE,   /* nothing but what was seen since somebody asked */
	CSV_STORY_STATES, /* as of each tick of the trace */
	CSV_STORY_EVENTS, /* all that it did */
};
struct csv_story {
	struct csv_who who;
	enum csv_story_source source;
	struct csv_story_row rows[CSV_STORY_MAX];
	uint32_t count;
	uint64_t dropped; /* older ones */
};

struct csv_scene {
	/* Another one: everything may be another; the same: mark, start and census may. */
	uint64_t serial;
	struct csv_counts counts;
	struct csv_living living;
	const struct cs_snapshot *now; /* never NULL; its sums alone, see csv_view */
	struct csv_before before;
	const struct cs_snapshot *mark;  /* what the person marked; NULL */
	const struct cs_snapshot *start; /* the first moment; NULL: not asked for, see csv_view */
	/* Coroutines at the mark, at the start, a minute ago; those that were not asked for, or
	 * would cost too much in a large target, are not known. */
	struct csv_census mark_census, start_census, minute_census;
	struct cs_stacks *stacks; /* of all of them */
	uint64_t from_ns, to_ns;  /* of the recording, so far */
	bool live;                /* now is the present of a process */
	bool system;              /* show the runtime's own coroutines too */
	const char *needle;       /* what is searched; "" */
	struct csv_story story;   /* of whom csv_view.watches; nobody else's */
	const struct csv_series *series;
	uint32_t series_count;
};

#endif
