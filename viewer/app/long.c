/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What takes its time where there are a million coroutines: another moment, the next picture, a
 * trace that is written. Keys are answered meanwhile, in rests of that work, from the picture
 * that is shown, which stands still for so long. There is one thread and one stack: a rest is a
 * call, and the work goes on when it returns.
 *
 * Invariants: only one long work is done at a time. It is done from the loop itself, never
 * from within the answer to a key: what a key wants that takes long becomes pending, which ends
 * the work that is being done, and is done next. In a rest nothing is read from the trace.
 */
#include <errno.h>

#include "app/app.h"

#define TRIES 4
#define MANY 200000u /* coroutines: less than that takes no time */

/* ---- rests ---- */

void csv_app_rest_by(struct csv_app *app, int (*rest)(void *context), void *context)
{
	app->rest = rest;
	app->rest_context = context;
}

int csv_app_rest(void *context)
{
	struct csv_app *app = context;

	if (!app->works || app->resting || !app->rest)
		return 0;
	app->resting = true;
	app->rest(app->rest_context);
	app->resting = false;
	if (app->works == CSV_WORK_WRITES)
		return 0; /* it is finished, whatever else is wanted */
	return app->quit || app->pending ? -ECANCELED : 0;
}

/* A view prepares what it will show, which a key may have made something else meanwhile. */
static int rest_of_view(void *context)
{
	struct csv_app *app = context;
	uint64_t updates = app->updates;
	int error = csv_app_rest(app);

	return !error && updates != app->updates ? -EAGAIN : error;
}

int csv_app_prepare_view(struct csv_app *app)
{
	const struct cs_pace pace = {rest_of_view, app};
	int error = -EAGAIN;

	/* Who never lets go of a key gets it unprepared. */
	for (int tries = 0; error == -EAGAIN && tries < TRIES; tries++) {
		const struct csv_scene *next = csv_session_next(app->session);
		const struct csv_view *view = csv_app_view(app);

		error = next && view->prepare
		                ? view->prepare(app->states[app->current], next, &pace)
		                : 0;
	}
	return error == -EAGAIN ? 0 : error;
}

/* ---- work ---- */

/* Until it is done; less than that is done before it is read. */
static void say_what_is_done(struct csv_app *app, bool writes)
{
	if (csv_session_scene(app->session)->counts.all >= MANY)
		app->doing = writes ? "writing the trace …" : "reading the trace …";
}

void csv_app_go_to(struct csv_app *app, uint64_t time_ns)
{
	struct cs_diag diag = {0};
	int error;

	app->going = true;
	app->going_ns = time_ns;
	app->works = CSV_WORK_READS;
	error = csv_session_prepare_seek(app->session, time_ns, &diag);
	if (!error)
		error = csv_app_prepare_view(app);
	app->works = CSV_WORK_NONE;
	/* Whoever wanted something else in between goes on from where this would have gone. */
	if (error == -ECANCELED)
		return;
	app->going = false;
	if (!error)
		error = csv_session_commit(app->session, &diag);
	if (error)
		csv_app_complain(app, &diag);
	csv_app_update(app);
}

/* The past of whom the view looks into. 1: it is known now, 0: it was, or -errno. */
static int ask_story(struct csv_app *app, struct cs_diag *diag)
{
	const struct csv_view *view = csv_app_view(app);

	return csv_session_story(app->session,
	                         view->watches ? view->watches(app->states[app->current]) : NULL,
	                         diag);
}

/* Other moments, that the view wants to know. Likewise. */
static int ask_moments(struct csv_app *app, struct cs_diag *diag)
{
	const struct csv_view *view = csv_app_view(app);
	int news = 0;

	if (view->history)
		news = csv_session_history(app->session, diag);
	if (!news && view->timeline)
		news = csv_session_timeline(app->session, diag);
	return news;
}

bool csv_app_catch_up(struct csv_app *app)
{
	bool missed = app->missed;
	const char *doing = app->doing;
	struct cs_diag diag = {0};
	int story, news = 0;

	if (!app->due || app->quit)
		return false;
	if (!doing)
		say_what_is_done(app, false);
	app->due = app->missed = false;
	app->works = CSV_WORK_READS;
	story = ask_story(app, &diag);
	if (story >= 0)
		news = ask_moments(app, &diag);
	app->works = CSV_WORK_NONE;
	app->doing = doing;
	if (story == -ECANCELED || news == -ECANCELED) {
		app->due = true;
		app->missed |= missed;
		return false;
	}
	if (news || missed)
		csv_app_update(app);
	if (story < 0 || news < 0) {
		csv_app_complain(app, &diag);
		app->due = false; /* it would fail again at once */
	}
	return story || news || missed;
}

static void write_trace(struct csv_app *app)
{
	struct cs_diag diag = {0};

	if (csv_session_copy(app->session, app->pending_path, &diag))
		csv_app_complain(app, &diag);
	else
		csv_app_say(app, "written: coroscope top %s", app->pending_path);
}

/* Another moment of many coroutines is read in a second or so. */
static bool reads_trace(const struct csv_app *app, enum csv_action action)
{
	return (action >= CSV_ACTION_STEP_BACK && action <= CSV_ACTION_END) ||
	       (action == CSV_ACTION_PAUSE && app->paused);
}

void csv_app_later(struct csv_app *app, enum csv_action action, const char *path)
{
	app->pending = action;
	if (path)
		snprintf(app->pending_path, sizeof(app->pending_path), "%s", path);
	say_what_is_done(app, path || action == CSV_ACTION_RECORD);
}

void csv_app_do(struct csv_app *app, enum csv_action action)
{
	if (reads_trace(app, action) || (action == CSV_ACTION_RECORD && app->steer.recording[0]))
		csv_app_later(app, action, NULL);
	else
		csv_app_do_now(app, action);
}

bool csv_app_work(struct csv_app *app)
{
	enum csv_action action = app->pending;

	if (app->quit)
		return false;
	if (!action && !app->going)
		return csv_app_catch_up(app);
	app->pending = CSV_ACTION_NONE;
	if (action == CSV_ACTION_SNAPSHOT || action == CSV_ACTION_RECORD)
		app->works = CSV_WORK_WRITES;
	if (!action)
		csv_app_go_to(app, app->going_ns); /* what was interrupted */
	else if (action == CSV_ACTION_SNAPSHOT)
		write_trace(app);
	else
		csv_app_do_now(app, action);
	app->works = CSV_WORK_NONE;
	if (!app->pending && !app->going)
		app->doing = NULL;
	return true;
}
