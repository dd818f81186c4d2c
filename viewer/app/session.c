/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The present moment is one model that is brought forward as the trace grows; every other
 * moment is loaded into a model of its own. All share one set of names and of stacks, because
 * ids mean the same in every model of one trace.
 */
#include "app/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/series.h"
#include "model/coroutine.h"
#include "symbol/resolver.h"
#include "trace/trace.h"
#include "view/census.h"
#include "view/living.h"

#define MINUTE_NS UINT64_C(60000000000)
#define STEP_NS UINT64_C(1000000000)
/* More coroutines than that make every other moment cost seconds: it is not looked for. */
#define MINUTE_COROUTINES_MAX 200000u
/* How far the moment "a minute ago" may be off before it is loaded anew. */
#define MINUTE_SLACK_NS UINT64_C(10000000000)

struct moment {
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
	struct moment now, mark, start;
	struct cs_trace_place *place; /* of now.model, while at_end */
	bool at_end;
	bool wants_timeline;
	struct csv_timeline timeline;
	uint64_t *thread_cpu_ns;
	uint32_t thread_room;
	struct csv_scene scene;
};

/* ---- moments ---- */

static void moment_release(struct moment *moment)
{
	cs_snapshot_free(moment->snapshot);
	cs_model_free(moment->model);
	*moment = (struct moment){0};
}

static int out_of_memory(const struct csv_session *session, struct cs_diag *diag)
{
	return cs_diag_set(diag, -ENOMEM, "show %s: no memory", session->path);
}

/* WHOLE: with a copy of all coroutines, which few views need and which costs most of it. */
static int take(struct csv_session *session, struct moment *moment, bool whole,
                struct cs_diag *diag)
{
	struct cs_snapshot *snapshot =
		(whole ? cs_snapshot_take : cs_snapshot_take_sums)(moment->model, session->symbols);

	if (!snapshot)
		return out_of_memory(session, diag);
	cs_snapshot_free(moment->snapshot);
	moment->snapshot = snapshot;
	moment->time_ns = cs_model_now(moment->model);
	return 0;
}

/* SYMBOLS: read names as well; for the present moment, which is made whole when need be. */
static int load(struct csv_session *session, uint64_t time_ns, struct cs_symbols *symbols,
                struct moment *moment, struct cs_diag *diag)
{
	int error = -ENOMEM;

	moment_release(moment);
	moment->model = cs_model_new();
	/* The end is gone on from. */
	if (moment->model && symbols && time_ns == CSV_THE_END)
		error = cs_trace_load_place(session->trace, session->place, moment->model, symbols,
		                            diag);
	else if (moment->model)
		error = cs_trace_load(session->trace, time_ns, moment->model, symbols, diag);
	else
		out_of_memory(session, diag);
	if (!error)
		error = take(session, moment, !symbols, diag);
	if (error)
		moment_release(moment);
	return error;
}

/* ---- names ---- */

/* Stacks remember what their frames were called: new names make them anew. */
static int forget_stacks(struct csv_session *session, struct cs_diag *diag)
{
	struct cs_stacks *stacks = cs_stacks_new(true);

	if (!stacks)
		return out_of_memory(session, diag);
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

static void set_scene(struct csv_session *session)
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

/* The mark's snapshot borrows the model of the present: it is left to it when that goes. */
static void leave_to_mark(struct csv_session *session)
{
	struct moment *mark = &session->mark, *now = &session->now;

	if (!mark->snapshot || mark->model || mark->snapshot->model != now->model)
		return;
	cs_model_forget_coroutines(now->model);
	mark->model = now->model;
	now->model = NULL;
}

/* What every view wants to know of the coroutines. */
static int look_around(struct csv_session *session, struct cs_diag *diag)
{
	struct csv_scene *scene = &session->scene;

	return csv_living_take(&scene->living, &scene->counts, session->now.model)
	               ? out_of_memory(session, diag)
	               : 0;
}

static int reload(struct csv_session *session, uint64_t time_ns, struct cs_diag *diag)
{
	struct moment next = {0};
	int error;

	cs_trace_place_free(session->place);
	session->place = cs_trace_place_new();
	if (!session->place)
		return out_of_memory(session, diag);
	error = load(session, time_ns, session->symbols, &next, diag);
	if (error)
		return error;
	if (session->now.model)
		remember_before(session);
	error = forget_stacks(session, diag); /* it knows the old model */
	leave_to_mark(session);
	moment_release(&session->now);
	session->now = next;
	session->named_frames = 0;
	if (!error)
		error = look_around(session, diag);
	if (!error)
		error = find_names(session, diag);
	set_scene(session);
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
	moment_release(&session->now);
	moment_release(&session->mark);
	moment_release(&session->start);
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
		error = take(session, &session->now, false, diag);
	if (!error)
		error = look_around(session, diag);
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
		set_scene(session);
		return error ? error : 1;
	}
	if (error > 0 && session->at_end) {
		int failed = follow(session, diag);

		error = failed ? failed : 1;
	} else if (!error && growing != cs_trace_is_growing(session->trace)) {
		error = 1; /* nothing more is coming: that is news */
	}
	set_scene(session);
	return error;
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

/* What is kept of another moment: its heap, and how many coroutines stood where. */
static int load_other(struct csv_session *session, uint64_t time_ns, struct moment *moment,
                      struct csv_census *census, struct cs_diag *diag)
{
	int error = load(session, time_ns, NULL, moment, diag);

	if (!error && csv_census_take(census, moment->model))
		error = out_of_memory(session, diag);
	if (!error)
		cs_model_forget_coroutines(moment->model);
	return error;
}

/*
 * The mark is what there is now: nothing is read again. Of many coroutines no copy is kept, and
 * what each of them holds is not compared then.
 */
static int set_mark(struct csv_session *session, struct cs_diag *diag)
{
	struct moment *mark = &session->mark;
	bool whole = session->scene.counts.all <= MINUTE_COROUTINES_MAX;
	struct moment now = {.model = session->now.model};
	int error = take(session, &now, whole, diag);

	if (error)
		return error;
	mark->snapshot = now.snapshot;
	mark->time_ns = now.time_ns;
	error = csv_census_take(&session->scene.mark_census, now.model);
	if (!error)
		return 0;
	moment_release(mark);
	return out_of_memory(session, diag);
}

int csv_session_mark(struct csv_session *session, struct cs_diag *diag)
{
	int error = 0;

	if (session->mark.snapshot) {
		moment_release(&session->mark);
		csv_census_release(&session->scene.mark_census);
	} else {
		error = set_mark(session, diag);
	}
	if (!error)
		error = forget_stacks(session, diag);
	set_scene(session);
	return error;
}

/* Only the numbers of a minute ago are wanted: its model goes at once. */
static int look_back(struct csv_session *session, struct cs_diag *diag)
{
	struct csv_census *minute = &session->scene.minute_census;
	uint64_t now_ns = session->now.time_ns;
	uint64_t wanted = now_ns > MINUTE_NS ? now_ns - MINUTE_NS : session->start.time_ns;
	struct moment then = {0};
	int error;

	if (session->scene.counts.all > MINUTE_COROUTINES_MAX) {
		csv_census_release(minute);
		return 0;
	}
	if (minute->known && wanted <= minute->time_ns + MINUTE_SLACK_NS &&
	    minute->time_ns <= wanted + MINUTE_SLACK_NS)
		return 0;
	error = load_other(session, wanted, &then, minute, diag);
	moment_release(&then);
	return error;
}

int csv_session_history(struct csv_session *session, struct cs_diag *diag)
{
	uint64_t serial = session->scene.serial;
	int error = 0;

	if (!session->start.model)
		error = load_other(session, cs_trace_session(session->trace)->tick_ns,
		                   &session->start, &session->scene.start_census, diag);
	if (!error)
		error = look_back(session, diag);
	set_scene(session);
	session->scene.serial = serial; /* the same moment, better known */
	return error;
}

int csv_session_whole(struct csv_session *session, struct cs_diag *diag)
{
	uint64_t serial = session->scene.serial;
	int error;

	if (!session->now.snapshot->sums_only)
		return 0;
	error = take(session, &session->now, true, diag);
	if (error)
		return error;
	set_scene(session);
	session->scene.serial = serial;
	return 0;
}

int csv_session_timeline(struct csv_session *session, struct cs_diag *diag)
{
	int error = 0;

	if (session->wants_timeline)
		return 0;
	session->wants_timeline = true;
	error = csv_timeline_read(&session->timeline, session->trace, diag);
	set_scene(session);
	return error;
}

/* ---- places in time ---- */

int csv_session_time(struct csv_session *session, const char *text, uint64_t *time_ns,
                     struct cs_diag *diag)
{
	return cs_trace_time(session->trace, text, time_ns, diag);
}

int csv_session_peak(struct csv_session *session, uint64_t *time_ns, struct cs_diag *diag)
{
	return cs_trace_time(session->trace, "peak", time_ns, diag);
}

int csv_session_growth(struct csv_session *session, uint64_t *time_ns, struct cs_diag *diag)
{
	const struct csv_series *heap;
	double most = 0;
	int error = csv_session_timeline(session, diag);

	if (error)
		return error;
	heap = session->timeline.count ? &session->timeline.series[0] : NULL;
	for (uint32_t i = 1; heap && heap->unit == CSV_SERIES_BYTES && i < heap->count; i++) {
		double growth = heap->points[i].value - heap->points[i - 1].value;

		if (growth > most) {
			most = growth;
			*time_ns = heap->points[i].time_ns;
		}
	}
	return most > 0 ? 0 : cs_diag_set(diag, -ENOENT, "find where the heap grew: it did not");
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

/* ---- keeping it ---- */

int csv_session_copy(const struct csv_session *session, const char *path, struct cs_diag *diag)
{
	int from = open(session->path, O_RDONLY | O_CLOEXEC);
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char block[1 << 16];
	ssize_t got = 0;
	int error = 0;

	if (from < 0 || to < 0)
		error = -errno;
	while (!error && (got = read(from, block, sizeof(block))) > 0)
		if (write(to, block, (size_t)got) != got)
			error = errno ? -errno : -ENOSPC;
	if (!error && got < 0)
		error = -errno;
	if (from >= 0)
		close(from);
	if (to >= 0 && close(to) && !error)
		error = -errno;
	if (error && to >= 0)
		unlink(path);
	return error ? cs_diag_set(diag, error, "write %s: %s", path, strerror(-error)) : 0;
}
