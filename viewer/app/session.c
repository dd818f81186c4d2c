/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picture that is shown, and the way on from it: two pictures take turns as the trace grows.
 */
#include "app/session_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/coroutine.h"
#include "view/census.h"

#define STEP_NS UINT64_C(1000000000)

/* ---- moments ---- */

void csv_moment_release(struct csv_moment *moment)
{
	cs_snapshot_free(moment->snapshot);
	cs_model_free(moment->model);
	*moment = (struct csv_moment){0};
}

int csv_session_no_memory(const struct csv_session *session, struct cs_diag *diag)
{
	return cs_diag_set(diag, -ENOMEM, "show %s: no memory", session->path);
}

/* WHOLE: with a copy of all coroutines, which few views need and which costs most of it. */
int csv_session_take(struct csv_session *session, struct csv_moment *moment, bool whole,
                     struct cs_diag *diag)
{
	struct cs_snapshot *snapshot =
		(whole ? cs_snapshot_take : cs_snapshot_take_sums)(moment->model, session->symbols);

	if (!snapshot)
		return csv_session_no_memory(session, diag);
	cs_snapshot_free(moment->snapshot);
	moment->snapshot = snapshot;
	moment->time_ns = cs_model_now(moment->model);
	return 0;
}

int csv_session_load(struct csv_session *session, uint64_t time_ns, struct csv_moment *moment,
                     struct cs_diag *diag)
{
	int error = -ENOMEM;

	csv_moment_release(moment);
	moment->model = cs_model_new();
	if (moment->model)
		error = cs_trace_load(session->trace, time_ns, moment->model, NULL, diag);
	else
		csv_session_no_memory(session, diag);
	if (!error) /* of many, no copies: what each of them holds is not compared then */
		error = csv_session_take(session, moment,
		                         cs_model_coroutine_slots(moment->model) <= CSV_MANY, diag);
	if (error)
		csv_moment_release(moment);
	return error;
}

/* ---- the scene ---- */

/* SCENE, of PICTURE, is to be shown. */
static void fill_scene(const struct csv_session *session, const struct csv_picture *picture,
                       struct csv_scene *scene)
{
	scene->now = picture->moment.snapshot;
	scene->mark = session->mark.snapshot;
	scene->start = session->start.snapshot;
	scene->to_ns = cs_trace_duration_ns(session->trace);
	scene->live = picture->at_end && cs_trace_is_growing(session->trace);
	scene->series = session->timeline.series;
	scene->series_count = session->timeline.count;
	if (!scene->needle)
		scene->needle = "";
}

void csv_session_set_scene(struct csv_session *session)
{
	fill_scene(session, &session->now, &session->now.scene);
	session->now.scene.serial++;
}

const struct csv_scene *csv_session_next(struct csv_session *session)
{
	struct csv_scene *next = &session->next.scene, own = *next;

	if (!session->ready)
		return NULL;
	*next = session->now.scene;
	next->living = own.living;
	next->counts = own.counts;
	next->stacks = own.stacks;
	csv_picture_compare(&session->next, &session->now);
	fill_scene(session, &session->next, next);
	next->serial++;
	return next;
}

/* The pictures change places. */
static void turn(struct csv_session *session)
{
	struct csv_picture shown = session->now;

	session->now = session->next;
	session->next = shown;
	session->ready = false;
	/* What is not gone on from is in nobody's way. */
	if (!cs_trace_is_growing(session->trace) || !session->next.place)
		csv_picture_drop(session, &session->next);
}

int csv_session_commit(struct csv_session *session, struct cs_diag *diag)
{
	int error = 0;

	if (csv_session_next(session)) {
		turn(session);
		csv_session_tell_story(session);
		if (session->wants_timeline && session->now.at_end)
			error = csv_timeline_add(&session->timeline, session->now.moment.model);
	} else {
		session->now.scene.serial++;
	}
	fill_scene(session, &session->now, &session->now.scene);
	return error ? csv_session_no_memory(session, diag) : 0;
}

/* ---- opening ---- */

struct csv_session *csv_session_open(const char *path, struct cs_diag *diag)
{
	struct csv_session *session = calloc(1, sizeof(*session));

	if (session) {
		session->path = strdup(path);
		session->symbols = cs_symbols_new();
	}
	if (!session || !session->path || !session->symbols) {
		csv_session_close(session);
		cs_diag_set(diag, -ENOMEM, "show %s: no memory", path);
		return NULL;
	}
	session->trace = cs_trace_open(path, diag);
	if (!session->trace || csv_session_seek(session, CSV_THE_END, diag)) {
		csv_session_close(session);
		return NULL;
	}
	return session;
}

void csv_session_close(struct csv_session *session)
{
	if (!session)
		return;
	csv_census_release(&session->now.scene.mark_census);
	csv_census_release(&session->now.scene.start_census);
	csv_census_release(&session->now.scene.minute_census);
	csv_picture_drop(session, &session->now);
	csv_picture_drop(session, &session->next);
	csv_moment_release(&session->mark);
	csv_moment_release(&session->start);
	cs_symbols_free(session->symbols);
	cs_resolver_free(session->resolver);
	csv_timeline_release(&session->timeline);
	cs_trace_close(session->trace);
	free(session->path);
	free(session);
}

void csv_session_pace(struct csv_session *session, const struct cs_pace *pace)
{
	session->pace = pace;
	cs_trace_pace(session->trace, pace);
}

/* ---- following ---- */

/* The recorder dropped the oldest part: it is another file, with the same time. */
static int reopen(struct csv_session *session, struct cs_diag *diag)
{
	struct cs_trace *trace = cs_trace_open(session->path, diag);

	if (!trace)
		return diag->error;
	cs_trace_close(session->trace);
	session->trace = trace;
	cs_trace_pace(trace, session->pace);
	/* Places are those of the file that has gone. */
	csv_picture_drop(session, &session->next);
	cs_trace_place_free(session->now.place);
	session->now.place = NULL;
	session->now.chunks = 0;
	session->ready = false;
	return 1;
}

/* What is being made, or was made and never shown, is brought to the end. */
static int make_next(struct csv_session *session, struct cs_diag *diag)
{
	struct csv_picture *next = &session->next;
	int error;

	session->ready = false;
	error = next->place ? csv_picture_go_on(session, next, diag)
	                    : csv_picture_begin(session, next, CSV_THE_END, diag);
	session->ready = !error;
	return error;
}

int csv_session_prepare(struct csv_session *session, struct cs_diag *diag)
{
	bool growing = cs_trace_is_growing(session->trace);
	int error = cs_trace_refresh(session->trace, diag);
	bool ended;

	if (error == -ESTALE)
		error = reopen(session, diag);
	if (error < 0)
		return error;
	ended = growing && !cs_trace_is_growing(session->trace); /* nothing more comes: news */
	if (!session->now.at_end)
		return error || ended;
	if (session->now.chunks == cs_trace_chunk_count(session->trace))
		return ended;
	error = make_next(session, diag);
	return error ? error : 1;
}

int csv_session_look(struct csv_session *session, struct cs_diag *diag)
{
	bool growing = cs_trace_is_growing(session->trace);
	uint64_t serial = session->now.scene.serial;
	int error = cs_trace_refresh(session->trace, diag);

	if (error == -ESTALE)
		return 0; /* it goes on in another file, which is opened when the picture moves */
	csv_session_set_scene(session);
	session->now.scene.serial = serial;
	if (error < 0)
		return error;
	return growing != cs_trace_is_growing(session->trace);
}

uint64_t csv_session_age_ns(const struct csv_session *session)
{
	const struct csv_counts *counts = &session->now.scene.counts;
	uint64_t start_ns = cs_trace_session(session->trace)->mono_start_ns;
	uint64_t seen_ns = session->now.moment.time_ns, now_ns;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
	/* Between two looks the clock of the trace goes on, and nothing else does. */
	if (counts->seen_ns && counts->seen_ns < seen_ns)
		seen_ns = counts->seen_ns;
	if (!cs_trace_is_growing(session->trace) || !session->now.at_end || !start_ns ||
	    now_ns < start_ns + seen_ns)
		return CSV_THE_END;
	return now_ns - start_ns - seen_ns;
}

int csv_session_prepare_seek(struct csv_session *session, uint64_t time_ns, struct cs_diag *diag)
{
	int error;

	if (time_ns >= cs_trace_duration_ns(session->trace))
		return make_next(session, diag);
	session->ready = false;
	error = csv_picture_begin(session, &session->next, time_ns, diag);
	session->ready = !error;
	return error;
}

int csv_session_seek(struct csv_session *session, uint64_t time_ns, struct cs_diag *diag)
{
	int error = csv_session_prepare_seek(session, time_ns, diag);

	return error ? error : csv_session_commit(session, diag);
}

bool csv_session_at_end(const struct csv_session *session)
{
	return session->now.at_end;
}

struct csv_scene *csv_session_scene(struct csv_session *session)
{
	return &session->now.scene;
}

uint64_t csv_session_step_ns(const struct csv_session *session)
{
	uint64_t duration = cs_trace_duration_ns(session->trace);
	uint64_t step = duration / 100, tick = cs_trace_session(session->trace)->tick_ns;

	if (step > STEP_NS)
		step = STEP_NS;
	return step < tick ? tick : step;
}

bool csv_session_is_growing(const struct csv_session *session)
{
	return cs_trace_is_growing(session->trace);
}

const char *csv_session_warning(const struct csv_session *session)
{
	return cs_trace_is_growing(session->trace) ? NULL : cs_trace_warning(session->trace);
}
