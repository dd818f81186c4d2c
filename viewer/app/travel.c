/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time: following a live target, holding the picture, going back, playing a recording. There is
 * one rule: the scene is at the end and moves with it, or it stands where it was put.
 */
#include <errno.h>

#include "app/app.h"
#include "base/text.h"

#define INTERVAL_MIN_NS UINT64_C(100000000)
#define INTERVAL_MAX_NS UINT64_C(10000000000)

static void step(struct csv_app *app, int64_t steps)
{
	uint64_t by = csv_session_step_ns(app->session);
	uint64_t now = app->going ? app->going_ns : csv_session_scene(app->session)->now->time_ns;
	uint64_t way = by * (uint64_t)(steps < 0 ? -steps : steps);

	app->paused = true;
	if (steps > 0)
		csv_app_go_to(app, now + way);
	else
		csv_app_go_to(app, now > way ? now - way : 0);
}

static void mark(struct csv_app *app)
{
	const struct csv_scene *scene = csv_session_scene(app->session);
	struct cs_diag diag = {0};

	if (csv_session_mark(app->session, &diag))
		csv_app_complain(app, &diag);
	else if (scene->mark)
		csv_app_say(app, "marked %s: differences are to this moment",
		            cs_text_duration(scene->mark->time_ns).s);
	else
		csv_app_say(app, "the mark is taken away");
	csv_app_update(app);
}

static void find(struct csv_app *app,
                 int (*place)(struct csv_session *, uint64_t *, struct cs_diag *), const char *what)
{
	struct cs_diag diag = {0};
	uint64_t time_ns;
	int error;

	app->works = CSV_WORK_READS;
	error = place(app->session, &time_ns, &diag);
	app->works = CSV_WORK_NONE;
	if (error == -ECANCELED)
		return;
	if (error) {
		csv_app_complain(app, &diag);
		return;
	}
	app->paused = true;
	csv_app_go_to(app, time_ns);
	if (!app->going)
		csv_app_say(app, "%s, at %s", what, cs_text_duration(time_ns).s);
}

static void change_speed(struct csv_app *app, bool faster)
{
	if (csv_session_is_growing(app->session) && csv_steer_looks(&app->steer, faster)) {
		app->interval_ns = app->steer.looks_ns < INTERVAL_MIN_NS   ? INTERVAL_MIN_NS
		                   : app->steer.looks_ns > INTERVAL_MAX_NS ? INTERVAL_MAX_NS
		                                                           : app->steer.looks_ns;
		csv_app_say(app, "the target is looked at every %s, as far as its budget allows",
		            cs_text_duration(app->steer.looks_ns).s);
		return;
	}
	if (csv_session_is_growing(app->session)) {
		app->interval_ns = faster ? app->interval_ns / 2 : app->interval_ns * 2;
		if (app->interval_ns < INTERVAL_MIN_NS)
			app->interval_ns = INTERVAL_MIN_NS;
		if (app->interval_ns > INTERVAL_MAX_NS)
			app->interval_ns = INTERVAL_MAX_NS;
		csv_app_say(app, "a picture every %s", cs_text_duration(app->interval_ns).s);
		return;
	}
	app->speed = faster ? app->speed * 2 : app->speed / 2;
	if (app->speed > 1024)
		app->speed = 1024;
	if (app->speed < 1.0 / 64)
		app->speed = 1.0 / 64;
	csv_app_say(app, "playing at %g times the speed", app->speed);
}

static void pause_or_play(struct csv_app *app)
{
	app->paused = !app->paused;
	/* From the end of a recording, play it from its start. */
	if (!app->paused && !csv_session_is_growing(app->session) &&
	    csv_session_at_end(app->session))
		csv_app_go_to(app, 0);
	/* A live picture goes on where the target is. */
	if (!app->paused && csv_session_is_growing(app->session))
		csv_app_go_to(app, CSV_THE_END);
}

bool csv_app_travel(struct csv_app *app, enum csv_action action)
{
	switch (action) {
	case CSV_ACTION_PAUSE:
		pause_or_play(app);
		return true;
	case CSV_ACTION_MARK:
		mark(app);
		return true;
	case CSV_ACTION_STEP_BACK:
	case CSV_ACTION_STEP_FORWARD:
		step(app, action == CSV_ACTION_STEP_BACK ? -1 : 1);
		return true;
	case CSV_ACTION_JUMP_BACK:
	case CSV_ACTION_JUMP_FORWARD:
		step(app, action == CSV_ACTION_JUMP_BACK ? -10 : 10);
		return true;
	case CSV_ACTION_PEAK:
		find(app, csv_session_peak, "the peak of the heap");
		return true;
	case CSV_ACTION_GROWTH:
		find(app, csv_session_growth, "the largest growth of the heap");
		return true;
	case CSV_ACTION_START:
		app->paused = true;
		csv_app_go_to(app, 0);
		return true;
	case CSV_ACTION_END:
		app->paused = !csv_session_is_growing(app->session);
		csv_app_go_to(app, CSV_THE_END);
		return true;
	case CSV_ACTION_FASTER:
	case CSV_ACTION_SLOWER:
		change_speed(app, action == CSV_ACTION_FASTER);
		return true;
	default:
		return false;
	}
}

static bool play(struct csv_app *app, uint64_t elapsed_ns)
{
	uint64_t now = csv_session_scene(app->session)->now->time_ns;

	if (csv_session_at_end(app->session)) {
		app->paused = true;
		return true;
	}
	csv_app_go_to(app, now + (uint64_t)((double)elapsed_ns * app->speed));
	return true;
}

/*
 * The next picture, with all that the view wants of it, before it is shown: meanwhile keys are
 * answered from this one. Who holds the picture in between has it held.
 */
static int follow(struct csv_app *app, struct cs_diag *diag)
{
	int news;

	app->works = CSV_WORK_READS;
	news = csv_session_prepare(app->session, diag);
	if (news > 0) {
		int error = csv_app_prepare_view(app);

		news = error == -ECANCELED ? error : news; /* no memory: updating it tells so */
	}
	app->works = CSV_WORK_NONE;
	if (news == -ECANCELED)
		return 0; /* what is pending goes first */
	if (news > 0 && !app->paused && csv_session_commit(app->session, diag))
		news = diag->error;
	return news;
}

/* A held picture stays, but whether its target lives is told. */
static int look(struct csv_app *app, struct cs_diag *diag)
{
	return app->paused ? csv_session_look(app->session, diag) : follow(app, diag);
}

bool csv_app_tick(struct csv_app *app, uint64_t elapsed_ns)
{
	struct cs_diag diag = {0};
	int news;

	if (!csv_session_is_growing(app->session))
		return app->paused ? app->ended : play(app, elapsed_ns);
	news = look(app, &diag);
	if (news < 0)
		csv_app_complain(app, &diag);
	if (!csv_session_is_growing(app->session)) {
		app->paused = app->ended = true;
		app->message[0] = 0; /* the status line says so, as long as it is so */
	}
	if (news && (!app->paused || app->ended)) /* also of a failure: something may be gone */
		csv_app_update(app);
	while (csv_app_catch_up(app))
		;
	return true; /* also without news: the picture becomes older */
}
