/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session from inside, for its two files: session.c has the present moment and the way on from
 * it, session_past.c the moments that it is compared with.
 */
#ifndef CSV_APP_SESSION_PRIVATE_H
#define CSV_APP_SESSION_PRIVATE_H

#include "app/series.h"
#include "app/session.h"
#include "symbol/resolver.h"
#include "trace/trace.h"

struct csv_moment {
	struct cs_model *model;
	struct cs_snapshot *snapshot;
	uint64_t time_ns;
};

struct csv_session {
	char *path;
	struct cs_trace *trace;
	struct cs_symbols *symbols;
	struct cs_resolver *resolver;
	uint32_t named_frames; /* frames of the model when names were looked up last */
	struct csv_moment now, mark, start;
	struct cs_trace_place *place; /* of now.model, while at_end */
	bool at_end;
	bool wants_timeline;
	struct csv_timeline timeline;
	uint64_t *thread_cpu_ns;
	uint32_t thread_room;
	struct csv_scene scene;
};

int csv_session_no_memory(const struct csv_session *session, struct cs_diag *diag);
void csv_moment_release(struct csv_moment *moment);
/* MOMENT's snapshot anew. WHOLE: with a copy of all coroutines. 0 or -errno with DIAG. */
int csv_session_take(struct csv_session *session, struct csv_moment *moment, bool whole,
                     struct cs_diag *diag);
/* MOMENT as it was at TIME_NS; SYMBOLS: it is the present one. 0 or -errno with DIAG. */
int csv_session_load(struct csv_session *session, uint64_t time_ns, struct cs_symbols *symbols,
                     struct csv_moment *moment, struct cs_diag *diag);
/* What the present moment adds to scene->story. */
void csv_session_tell_story(struct csv_session *session);
void csv_session_set_scene(struct csv_session *session);

#endif
