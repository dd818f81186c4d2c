/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person can do about the target of the view, beside looking at it.
 */
#include <stdio.h>

#include "app/app.h"
#include "base/text.h"

void csv_app_record(struct csv_app *app, const char *path)
{
	struct cs_diag diag = {0};

	if (!*path)
		return;
	if (csv_steer_start(&app->steer, app->session, path, &diag))
		csv_app_complain(app, &diag);
	else
		csv_app_say(app, "recording: R ends it and writes %s", path);
}

void csv_app_end_recording(struct csv_app *app)
{
	uint64_t now_ns = csv_session_scene(app->session)->to_ns;
	char path[sizeof(app->steer.recording)];
	struct cs_diag diag = {0};

	snprintf(path, sizeof(path), "%s", app->steer.recording);
	if (csv_steer_end(&app->steer, app->session, &diag))
		csv_app_complain(app, &diag);
	else
		csv_app_say(app, "recorded %s, from %s on: coroscope top %s",
		            cs_text_duration(now_ns - app->steer.recorded_ns).s,
		            cs_text_duration(app->steer.recorded_ns).s, path);
}

static void record(struct csv_app *app)
{
	if (app->steer.recording[0])
		csv_app_end_recording(app);
	else if (app->steer.control && csv_session_is_growing(app->session))
		csv_app_ask(app, CSV_ASKING_RECORD);
	else
		csv_app_say(app, "this is a recording already; w writes it up to now");
}

static void again(struct csv_app *app)
{
	char text[128];

	if (csv_session_is_growing(app->session)) {
		csv_app_say(app, "the target is alive");
	} else if (csv_steer_next(&app->steer, text, sizeof(text))) {
		app->steer.leave = CSV_LEAVE_NEXT;
		app->quit = true;
	} else {
		csv_app_say(app, app->steer.next ? "no process runs the same program now"
		                                 : "this is a recording: nothing runs");
	}
}

bool csv_app_target(struct csv_app *app, enum csv_action action)
{
	switch (action) {
	case CSV_ACTION_RECORD:
		record(app);
		return true;
	case CSV_ACTION_CHOOSE:
		app->steer.leave = CSV_LEAVE_CHOOSE;
		app->quit = true;
		return true;
	case CSV_ACTION_AGAIN:
		again(app);
		return true;
	default:
		return false;
	}
}
