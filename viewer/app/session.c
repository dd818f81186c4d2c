/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The present moment is one model that is brought forward as the trace grows; every other
 * moment is loaded into a model of its own. All share one set of names and of stacks, because
 * ids mean the same in every model of one trace.
 */
#include "app/session_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/coroutine.h"
#include "view/census.h"
#include "view/living.h"

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

/* SYMBOLS: read names as well; for the present moment, which is made whole when need be. */
int csv_session_load(struct csv_session *session, uint64_t time_ns, struct cs_symbols *symbols,
                     struct csv_moment *moment, struct cs_diag *diag)
{
	int error = -ENOMEM;

	csv_moment_release(moment);
	moment->model = cs_model_new();
	/* The end is gone on from. */
	if (moment->model && symbols && time_ns == CSV_THE_END)
		error = cs_trace_load_place(session->trace, session->place, moment->model, symbols,
		                            diag);
	else if (moment->model)
		error = cs_trace_load(session->trace, time_ns, moment->model, symbols, diag);
	else
		csv_session_no_memory(session, diag);
	if (!error)
		error = csv_session_take(session, moment, !symbols, diag);
	if (error)
		csv_moment_release(moment);
	return error;
}

/* ---- names ---- */

/* Stacks remember what their frames were called: new names make them anew. */
static int forget_stacks(struct csv_session *session, struct cs_diag *diag)
{
	struct cs_stacks *stacks = cs_stacks_new(true);

	if (!stacks)
		return csv_session_no_memory(session, diag);
	cs_stacks_free(session->scene.stacks);
	session->scene.stacks = stacks;
	return 0;
}

/* While it is recorded, a trace has few names yet: the files that are here have them. */
static int find_names(struct csv_session *session, struct cs_diag *diag)
{
	uint32_t frames = cs_model_frame_count(session->now.model);
	int error = 0;

	if (frames == session->named_frames ||
	    (cs_trace_has_symbols(session->trace) && !cs_trace_is_growing(session->trace)))
		return 0;
	if (!session->resolver)
		session->resolver = cs_resolver_new(NULL);
	if (session->resolver)
		error = cs_resolver_resolve(session->resolver, session->now.model, session->symbols,
		                            NULL, NULL, NULL, diag);
	session->named_frames = frames;
	return error ? error : forget_stacks(session, diag);
}

/* ---- the scene ---- */

static void remember_before(struct csv_session *session)
{
	struct csv_before *before = &session->scene.before;
	const struct cs_model *model = session->now.model;
	uint32_t threads = cs_model_thread_count(model);

	before->time_ns = 0;
	if (threads > session->thread_room) {
		uint64_t *times = realloc(session->thread_cpu_ns, threads * sizeof(*times));

		if (!times)
			return;
		session->thread_cpu_ns = times;
		session->thread_room = threads;
	}
	for (uint32_t id = 1; id <= threads; id++)
		session->thread_cpu_ns[id - 1] = cs_model_thread_at(model, id)->cpu_ns;
	*before = (struct csv_before){
		.time_ns = session->now.time_ns,
		.thread_cpu_ns = session->thread_cpu_ns,
		.threads = threads,
		.switches = session->scene.counts.switches,
	};
}

void csv_session_set_scene(struct csv_session *session)
{
	struct csv_scene *scene = &session->scene;

	scene->now = session->now.snapshot;
	scene->mark = session->mark.snapshot;
	scene->start = session->start.snapshot;
	scene->serial++;
	scene->to_ns = cs_trace_duration_ns(session->trace);
	scene->live = session->at_end && cs_trace_is_growing(session->trace);
	scene->series = session->timeline.series;
	scene->series_count = session->timeline.count;
	if (!scene->needle)
		scene->needle = "";
}

static bool borrows(const struct csv_moment *moment, const struct csv_moment *now)
{
	return moment->snapshot && !moment->model && moment->snapshot->model == now->model;
}

/*
 * Snapshots of mark and start may borrow the model of the present: it is left to one of them when
 * that goes, to the start if both do, which stays for as long as the session.
 */
static void leave_to_others(struct csv_session *session)
{
	struct csv_moment *now = &session->now, *owner = NULL;

	if (borrows(&session->start, now))
		owner = &session->start;
	else if (borrows(&session->mark, now))
		owner = &session->mark;
	if (!owner)
		return;
	cs_model_forget_coroutines(now->model);
	owner->model = now->model;
	now->model = NULL;
}

/* What every view wants to know of the coroutines. */
static int look_around(struct csv_session *session, struct cs_diag *diag)
{
	struct csv_scene *scene = &session->scene;

	return csv_living_take(&scene->living, &scene->counts, session->now.model)
	               ? csv_session_no_memory(session, diag)
	               : 0;
}

static int reload(struct csv_session *session, uint64_t time_ns, struct cs_diag *diag)
{
	struct csv_moment next = {0};
	int error;

	cs_trace_place_free(session->place);
	session->place = cs_trace_place_new();
	if (!session->place)
		return csv_session_no_memory(session, diag);
	error = csv_session_load(session, time_ns, session->symbols, &next, diag);
	if (error)
		return error;
	if (session->now.model)
		remember_before(session);
	error = forget_stacks(session, diag); /* it knows the old model */
	leave_to_others(session);
	csv_moment_release(&session->now);
	session->now = next;
	session->named_frames = 0;
	if (!error)
		error = look_around(session, diag);
	if (!error)
		error = find_names(session, diag);
	csv_session_set_scene(session);
	return error;
}

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
	session->at_end = true;
	session->trace = cs_trace_open(path, diag);
	if (!session->trace || reload(session, CSV_THE_END, diag)) {
		csv_session_close(session);
		return NULL;
	}
	return session;
}

void csv_session_close(struct csv_session *session)
{
	if (!session)
		return;
	csv_moment_release(&session->now);
	csv_moment_release(&session->mark);
	csv_moment_release(&session->start);
	csv_census_release(&session->scene.mark_census);
	csv_census_release(&session->scene.start_census);
	csv_census_release(&session->scene.minute_census);
	csv_living_release(&session->scene.living);
	cs_stacks_free(session->scene.stacks);
	cs_symbols_free(session->symbols);
	cs_resolver_free(session->resolver);
	csv_timeline_release(&session->timeline);
	cs_trace_place_free(session->place);
	cs_trace_close(session->trace);
	free(session->thread_cpu_ns);
	free(session->path);
	free(session);
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
	return session->at_end ? reload(session, CSV_THE_END, diag) : 0;
}

static int follow(struct csv_session *session, struct cs_diag *diag)
{
	uint32_t chunks = cs_trace_chunk_count(session->trace);
	int error;

	remember_before(session);
	error = cs_trace_load_more(session->trace, session->place, chunks, session->now.model,
	                           session->symbols, diag);
	if (!error)
		error = find_names(session, diag);
	if (!error)
		error = csv_session_take(session, &session->now, false, diag);
	if (!error)
		error = look_around(session, diag);
	if (!error)
		csv_session_tell_story(session);
	if (!error && session->wants_timeline)
		error = csv_timeline_add(&session->timeline, session->now.model);
	return error;
}

int csv_session_refresh(struct csv_session *session, struct cs_diag *diag)
{
	bool growing = cs_trace_is_growing(session->trace);
	int error = cs_trace_refresh(session->trace, diag);

	if (error == -ESTALE) {
		error = reopen(session, diag);
		csv_session_set_scene(session);
		return error ? error : 1;
	}
	if (error > 0 && session->at_end) {
		int failed = follow(session, diag);

		error = failed ? failed : 1;
	} else if (!error && growing != cs_trace_is_growing(session->trace)) {
		error = 1; /* nothing more is coming: that is news */
	}
	csv_session_set_scene(session);
	return error;
}

int csv_session_look(struct csv_session *session, struct cs_diag *diag)
{
	bool growing = cs_trace_is_growing(session->trace);
	uint64_t serial = session->scene.serial;
	int error = cs_trace_refresh(session->trace, diag);

	if (error == -ESTALE)
		return 0; /* it goes on in another file, which is opened when the picture moves */
	csv_session_set_scene(session);
	session->scene.serial = serial;
	if (error < 0)
		return error;
	return growing != cs_trace_is_growing(session->trace);
}

uint64_t csv_session_age_ns(const struct csv_session *session)
{
	const struct csv_counts *counts = &session->scene.counts;
	uint64_t start_ns = cs_trace_session(session->trace)->mono_start_ns;
	uint64_t seen_ns = session->now.time_ns, now_ns;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
	/* Between two looks the clock of the trace goes on, and nothing else does. */
	if (counts->seen_ns && counts->seen_ns < seen_ns)
		seen_ns = counts->seen_ns;
	if (!cs_trace_is_growing(session->trace) || !session->at_end || !start_ns ||
	    now_ns < start_ns + seen_ns)
		return CSV_THE_END;
	return now_ns - start_ns - seen_ns;
}

int csv_session_seek(struct csv_session *session, uint64_t time_ns, struct cs_diag *diag)
{
	if (time_ns >= cs_trace_duration_ns(session->trace))
		time_ns = CSV_THE_END;
	session->at_end = time_ns == CSV_THE_END;
	return reload(session, time_ns, diag);
}

bool csv_session_at_end(const struct csv_session *session)
{
	return session->at_end;
}

struct csv_scene *csv_session_scene(struct csv_session *session)
{
	return &session->scene;
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
