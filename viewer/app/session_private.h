/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session from inside, for its files: session.c has the present picture and the way on from it,
 * picture.c how one is made, session_past.c the moments that it is compared with.
 *
 * There are two pictures: the one that is shown, and the next, which is made out of sight while
 * keys are answered from the first. They take turns: the one that was shown is brought forward
 * to become the next but one. Whatever is being made is touched by nobody else, and what is
 * shown is not touched by making.
 */
#ifndef CSV_APP_SESSION_PRIVATE_H
#define CSV_APP_SESSION_PRIVATE_H

#include "app/series.h"
#include "app/session.h"
#include "symbol/resolver.h"
#include "trace/trace.h"

/* More coroutines than that make every other moment cost a second: it is not looked for without
 * need, and no copy is made of them. */
#define CSV_MANY 200000u

struct csv_moment {
	struct cs_model *model;
	struct cs_snapshot *snapshot;
	uint64_t time_ns;
};

struct csv_picture {
	struct csv_moment moment;
	struct cs_trace_place *place; /* of its model, while that can be gone on from; NULL */
	uint32_t chunks;              /* of the trace that are in it */
	bool at_end;                  /* and it moves with the end */
	uint32_t named_frames;        /* frames of the model when names were looked up last */
	/* Its own are now, stacks, living, counts and before; the rest is the session's, and right
	 * in the picture that is shown. */
	struct csv_scene scene;
};

struct csv_session {
	char *path;
	struct cs_trace *trace;
	struct cs_symbols *symbols;
	struct cs_resolver *resolver;
	const struct cs_pace *pace;
	struct csv_picture now, next;
	bool ready; /* next is whole, and is to be shown */
	struct csv_moment mark, start;
	bool wants_timeline;
	struct csv_timeline timeline;
};

int csv_session_no_memory(const struct csv_session *session, struct cs_diag *diag);
void csv_moment_release(struct csv_moment *moment);
/* MOMENT's snapshot anew. WHOLE: with a copy of all coroutines. 0 or -errno with DIAG. */
int csv_session_take(struct csv_session *session, struct csv_moment *moment, bool whole,
                     struct cs_diag *diag);
/* MOMENT as it was at TIME_NS. 0 or -errno with DIAG. */
int csv_session_load(struct csv_session *session, uint64_t time_ns, struct csv_moment *moment,
                     struct cs_diag *diag);

/* PICTURE anew, at TIME_NS. After an error it is empty. */
int csv_picture_begin(struct csv_session *session, struct csv_picture *picture, uint64_t time_ns,
                      struct cs_diag *diag);
/* From where PICTURE stands (it has a place) to what there is of the trace. Likewise. */
int csv_picture_go_on(struct csv_session *session, struct csv_picture *picture,
                      struct cs_diag *diag);
/* What changes from BEFORE to PICTURE, for rates. */
void csv_picture_compare(struct csv_picture *picture, const struct csv_picture *before);
/* Nothing is in it any more; moments that borrow its model get it. */
void csv_picture_drop(struct csv_session *session, struct csv_picture *picture);

/* For one more moment: memory is for two of many coroutines. The next picture is begun anew. */
void csv_session_make_room(struct csv_session *session);
/* What the present moment adds to scene->story. */
void csv_session_tell_story(struct csv_session *session);
void csv_session_set_scene(struct csv_session *session);

#endif
