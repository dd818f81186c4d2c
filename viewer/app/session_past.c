/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other moments than the present one: the mark, the start, a minute ago; and all of them, as
 * numbers over time.
 */
#include <errno.h>
#include <string.h>

#include "app/session_private.h"
#include "model/coroutine.h"
#include "view/census.h"

#define MINUTE_NS UINT64_C(60000000000)
/* How far the moment "a minute ago" may be off before it is loaded anew. */
#define START_SLACK_NS UINT64_C(3000000000)
#define MINUTE_SLACK_NS UINT64_C(10000000000)

void csv_session_make_room(struct csv_session *session)
{
	if (session->now.scene.counts.all <= CSV_MANY)
		return;
	session->ready = false;
	csv_picture_drop(session, &session->next);
}

/* What is kept of another moment: its heap, and how many coroutines stood where. */
static int load_other(struct csv_session *session, uint64_t time_ns, struct csv_moment *moment,
                      struct csv_census *census, struct cs_diag *diag)
{
	int error;

	csv_session_make_room(session);
	error = csv_session_load(session, time_ns, moment, diag);
	if (!error && csv_census_take(census, moment->model))
		error = csv_session_no_memory(session, diag);
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
	struct csv_moment *mark = &session->mark;
	bool whole = session->now.scene.counts.all <= CSV_MANY;
	struct csv_moment now = {.model = session->now.moment.model};
	int error = csv_session_take(session, &now, whole, diag);

	if (error)
		return error;
	mark->snapshot = now.snapshot;
	mark->time_ns = now.time_ns;
	error = csv_census_take(&session->now.scene.mark_census, now.model);
	if (!error)
		return 0;
	csv_moment_release(mark);
	return csv_session_no_memory(session, diag);
}

/* The same moment, better known: nobody has to look at all of it again. */
static void keep_scene(struct csv_session *session)
{
	uint64_t serial = session->now.scene.serial;

	csv_session_set_scene(session);
	session->now.scene.serial = serial;
}

int csv_session_mark(struct csv_session *session, struct cs_diag *diag)
{
	int error = 0;

	if (session->mark.snapshot) {
		csv_moment_release(&session->mark);
		csv_census_release(&session->now.scene.mark_census);
	} else {
		error = set_mark(session, diag);
	}
	keep_scene(session);
	return error;
}

/* Only the numbers of a minute ago are wanted: its model goes at once. 1: they are others now. */
static int look_back(struct csv_session *session, struct cs_diag *diag)
{
	struct csv_census *minute = &session->now.scene.minute_census;
	uint64_t now_ns = session->now.moment.time_ns;
	uint64_t wanted = now_ns > MINUTE_NS ? now_ns - MINUTE_NS : 0;
	struct csv_moment then = {0};
	int error;

	if (session->now.scene.counts.all > CSV_MANY || !session->start.snapshot) {
		bool known = minute->known;

		csv_census_release(minute);
		return known;
	}
	if (wanted < session->start.time_ns)
		wanted = session->start.time_ns;
	if (minute->known && wanted <= minute->time_ns + MINUTE_SLACK_NS &&
	    minute->time_ns <= wanted + MINUTE_SLACK_NS)
		return 0;
	error = load_other(session, wanted, &then, minute, diag);
	csv_moment_release(&then);
	return error ? error : 1;
}

/*
 * The first moment of which anything was written: of many coroutines that is not at once.
 * UINT64_MAX: what is being written of it is not whole yet.
 */
static uint64_t first_ns(const struct csv_session *session)
{
	const struct cs_trace_session *about = cs_trace_session(session->trace);
	bool growing = cs_trace_is_growing(session->trace);
	uint64_t time_ns = growing ? UINT64_MAX : about->tick_ns;

	for (uint32_t i = 0; i < cs_trace_chunk_count(session->trace); i++) {
		const struct cs_trace_chunk *chunk = cs_trace_chunk_at(session->trace, i);
		const char *kind = cs_trace_chunk_name(chunk->kind);

		if (strcmp(kind, "DELTAS") != 0 && strcmp(kind, "KEYFRAME") != 0)
			continue;
		time_ns = chunk->to_ns;
		break;
	}
	if (growing && cs_trace_duration_ns(session->trace) <= time_ns)
		return UINT64_MAX;
	return time_ns > about->kept_from_ns ? time_ns : about->kept_from_ns;
}

/* Many coroutines are not read again for a moment that has hardly passed. */
static bool is_start(const struct csv_session *session, uint64_t start_ns)
{
	return cs_trace_is_growing(session->trace) && session->now.at_end &&
	       session->now.scene.counts.all > CSV_MANY &&
	       session->now.moment.time_ns < start_ns + START_SLACK_NS;
}

static int begin_here(struct csv_session *session, struct cs_diag *diag)
{
	struct csv_moment now = {.model = session->now.moment.model};
	int error = csv_session_take(session, &now, false, diag);

	if (error)
		return error;
	session->start.snapshot = now.snapshot;
	session->start.time_ns = now.time_ns;
	return csv_census_take(&session->now.scene.start_census, now.model)
	               ? csv_session_no_memory(session, diag)
	               : 0;
}

int csv_session_history(struct csv_session *session, struct cs_diag *diag)
{
	uint64_t start_ns = session->start.snapshot ? UINT64_MAX : first_ns(session);
	bool began = start_ns != UINT64_MAX;
	int news, error = 0;

	if (began && is_start(session, start_ns))
		error = begin_here(session, diag);
	else if (began)
		error = load_other(session, start_ns, &session->start,
		                   &session->now.scene.start_census, diag);
	if (error)
		return error;
	news = look_back(session, diag);
	if (news > 0 || began)
		keep_scene(session);
	return news || !began ? news : 1;
}

int csv_session_whole(struct csv_session *session, struct cs_diag *diag)
{
	int error;

	if (!session->now.moment.snapshot->sums_only)
		return 0;
	error = csv_session_take(session, &session->now.moment, true, diag);
	if (error)
		return error;
	keep_scene(session);
	return 0;
}

int csv_session_timeline(struct csv_session *session, struct cs_diag *diag)
{
	struct csv_timeline all = {0};
	int error;

	if (session->wants_timeline)
		return 0;
	csv_session_make_room(session);
	error = csv_timeline_read(&all, session->trace, session->pace, diag);
	if (error == -ECANCELED) {
		csv_timeline_release(&all);
		return error;
	}
	session->wants_timeline = true;
	session->timeline = all;
	csv_session_set_scene(session);
	return error ? error : 1;
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

	if (error < 0)
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
