/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a picture is made: a model is brought to a moment of the trace, and what every view wants
 * to know of it is found out. All of it may take a second where there are a million coroutines,
 * and rests at the session's pace.
 *
 * All pictures share one set of names, because ids mean the same in every model of one trace;
 * each has its stacks, which know its model.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/session_private.h"
#include "view/living.h"

/* ---- names ---- */

/* Stacks remember what their frames were called: new names make them anew. */
static int forget_stacks(struct csv_session *session, struct csv_picture *picture,
                         struct cs_diag *diag)
{
	struct cs_stacks *stacks = cs_stacks_new(true);

	if (!stacks)
		return csv_session_no_memory(session, diag);
	cs_stacks_free(picture->scene.stacks);
	picture->scene.stacks = stacks;
	return 0;
}

static bool rest(void *context, uint64_t done, uint64_t total)
{
	const struct csv_session *session = context;

	(void)done;
	(void)total;
	return !cs_pace_rest(session->pace);
}

/* While it is recorded, a trace has few names yet: the files that are here have them. */
static int find_names(struct csv_session *session, struct csv_picture *picture,
                      struct cs_diag *diag)
{
	uint32_t frames = cs_model_frame_count(picture->moment.model);
	int error = 0;

	if (frames == picture->named_frames && picture->scene.stacks)
		return 0;
	if (cs_trace_has_symbols(session->trace) && !cs_trace_is_growing(session->trace))
		return picture->scene.stacks ? 0 : forget_stacks(session, picture, diag);
	if (!session->resolver)
		session->resolver = cs_resolver_new(NULL);
	if (session->resolver)
		error = cs_resolver_resolve(session->resolver, picture->moment.model,
		                            session->symbols, rest, session, NULL, diag);
	picture->named_frames = frames;
	return error ? error : forget_stacks(session, picture, diag);
}

/* ---- making one ---- */

/* The model is there: all that belongs to it. */
static int finish(struct csv_session *session, struct csv_picture *picture, struct cs_diag *diag)
{
	struct csv_scene *scene = &picture->scene;
	int error = find_names(session, picture, diag);

	if (!error)
		error = csv_session_take(session, &picture->moment, false, diag);
	if (!error) {
		scene->now = picture->moment.snapshot;
		error = csv_living_take(&scene->living, &scene->counts, picture->moment.model,
		                        session->pace);
		if (error)
			cs_diag_set(diag, error, "show %s: %s", session->path, strerror(-error));
	}
	if (error)
		csv_picture_drop(session, picture);
	return error;
}

int csv_picture_begin(struct csv_session *session, struct csv_picture *picture, uint64_t time_ns,
                      struct cs_diag *diag)
{
	struct csv_moment *moment = &picture->moment;
	int error = -ENOMEM;

	csv_picture_drop(session, picture);
	picture->at_end = time_ns == CSV_THE_END;
	picture->chunks = cs_trace_chunk_count(session->trace);
	moment->model = cs_model_new();
	if (picture->at_end)
		picture->place = cs_trace_place_new();
	if (!moment->model || (picture->at_end && !picture->place))
		csv_session_no_memory(session, diag);
	else if (picture->at_end)
		error = cs_trace_load_place(session->trace, picture->place, moment->model,
		                            session->symbols, diag);
	else
		error = cs_trace_load(session->trace, time_ns, moment->model, session->symbols,
		                      diag);
	if (error) {
		csv_picture_drop(session, picture);
		return error;
	}
	return finish(session, picture, diag);
}

int csv_picture_go_on(struct csv_session *session, struct csv_picture *picture,
                      struct cs_diag *diag)
{
	uint32_t chunks = cs_trace_chunk_count(session->trace);
	int error = cs_trace_load_more(session->trace, picture->place, chunks,
	                               picture->moment.model, session->symbols, diag);

	picture->chunks = chunks;
	picture->at_end = true;
	if (error) {
		csv_picture_drop(session, picture);
		return error;
	}
	return finish(session, picture, diag);
}

void csv_picture_compare(struct csv_picture *picture, const struct csv_picture *before)
{
	picture->scene.before = (struct csv_before){0};
	if (before->moment.model)
		picture->scene.before = (struct csv_before){
			.time_ns = before->moment.time_ns,
			.switches = before->scene.counts.switches,
		};
}

/* ---- and letting it go ---- */

static bool borrows(const struct csv_moment *moment, const struct cs_model *model)
{
	return moment->snapshot && !moment->model && moment->snapshot->model == model;
}

/*
 * Snapshots of mark and start may borrow the model of a picture: it is left to one of them when
 * that goes, to the start if both do, which stays for as long as the session.
 */
static void leave_to_others(struct csv_session *session, struct csv_moment *moment)
{
	struct csv_moment *owner = NULL;

	if (borrows(&session->start, moment->model))
		owner = &session->start;
	else if (borrows(&session->mark, moment->model))
		owner = &session->mark;
	if (!owner)
		return;
	cs_model_forget_coroutines(moment->model);
	owner->model = moment->model;
	moment->model = NULL;
}

void csv_picture_drop(struct csv_session *session, struct csv_picture *picture)
{
	struct csv_scene *scene = &picture->scene;

	if (picture->moment.model)
		leave_to_others(session, &picture->moment);
	csv_moment_release(&picture->moment);
	cs_trace_place_free(picture->place);
	picture->place = NULL;
	picture->chunks = picture->named_frames = 0;
	cs_stacks_free(scene->stacks);
	scene->stacks = NULL;
	scene->now = NULL;
	csv_living_release(&scene->living);
}
