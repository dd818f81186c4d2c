/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything around the view: the title with the time of the picture, the tabs, and the status
 * line, which says what is uncertain: losses, unstable rows, sampling, the picture's age.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "base/text.h"
#include "model/coroutine.h"

static const struct csv_scene *scene_of(const struct csv_app *app)
{
	return csv_session_scene(app->session);
}

static void draw_title(struct csv_app *app)
{
	const struct csv_scene *scene = scene_of(app);
	struct csv_canvas *canvas = &app->canvas;
	char right[224], mark[64] = "", kept[64] = "";
	const char *mode = app->ended ? "ended" : "recording";

	if (csv_session_is_growing(app->session))
		mode = !scene->live ? "past" : app->paused ? "held" : "live";
	else if (!app->paused)
		mode = "playing";
	if (app->steer.recording[0])
		snprintf(kept, sizeof(kept), "REC %s  ",
		         cs_text_duration(scene->to_ns - app->steer.recorded_ns).s);
	if (scene->mark)
		snprintf(mark, sizeof(mark), "mark %s  ", cs_text_duration(scene->mark->time_ns).s);
	snprintf(right, sizeof(right), "%s%s%s  %s / %s", kept, mark, mode,
	         cs_text_duration(scene->now->time_ns).s, cs_text_duration(scene->to_ns).s);
	csv_put_right(canvas, 0, 0, canvas->width, CSV_ROLE_PLAIN, right);
	csv_putf(canvas, 0, 0, canvas->width - (int)strlen(right) - 2, CSV_ROLE_TITLE,
	         "coroscope  %s", app->title);
}

static void draw_tabs(struct csv_app *app)
{
	struct csv_canvas *canvas = &app->canvas;
	int x = 1;

	csv_fill(canvas, (struct csv_area){0, 1, canvas->width, 1}, ' ', CSV_ROLE_TAB);
	for (uint32_t i = 0; i < app->views; i++)
		x += csv_putf(canvas, x, 1, canvas->width - x,
		              i == app->current && !app->help ? CSV_ROLE_TAB_ACTIVE : CSV_ROLE_TAB,
		              " %" PRIu32 " %s ", i + 1, csv_views[i]->name);
	if (x + 8 < canvas->width)
		csv_put_right(canvas, x, 1, canvas->width - x - 1,
		              app->help ? CSV_ROLE_TAB_ACTIVE : CSV_ROLE_TAB, " ? help ");
}

static void ended(const struct csv_app *app, char *text, size_t bytes)
{
	char next[112];
	bool known = csv_steer_next(&app->steer, next, sizeof(next));

	snprintf(text, bytes, "the target has ended: this is its last state%s%s", known ? "; " : "",
	         known ? next : "");
}

/* What a person must know of the picture before believing it. */
static void honest(const struct csv_app *app, char *text, size_t bytes)
{
	const struct csv_scene *scene = scene_of(app);
	const struct cs_snapshot *now = scene->now;
	uint64_t unstable = scene->counts.unstable;
	uint64_t age_ns = csv_session_age_ns(app->session);
	size_t used = 0;

	text[0] = 0;
	if (now->sampled)
		used += (size_t)snprintf(text + used, bytes - used, "heap sampled 1/%s  ",
		                         cs_text_bytes((double)now->mean_bytes).s);
	if (now->lost && used < bytes)
		used += (size_t)snprintf(text + used, bytes - used, "lost %s  ",
		                         cs_text_count((double)now->lost).s);
	if (unstable && used < bytes)
		used += (size_t)snprintf(text + used, bytes - used, "unstable %s  ",
		                         cs_text_count((double)unstable).s);
	if (!csv_session_at_end(app->session) && used < bytes)
		snprintf(text + used, bytes - used, "%s before the end",
		         cs_text_duration(scene->to_ns - now->time_ns).s);
	else if (age_ns != CSV_THE_END && used < bytes)
		snprintf(text + used, bytes - used, "age %s", cs_text_duration(age_ns).s);
	else if (app->ended && used < bytes)
		ended(app, text + used, bytes - used);
}

static void draw_status(struct csv_app *app)
{
	struct csv_canvas *canvas = &app->canvas;
	const struct csv_view *view = csv_app_view(app);
	int y = canvas->height - 1;
	char about[384] = "", doubts[256];

	if (app->asking) {
		csv_prompt_draw(&app->prompt, canvas, (struct csv_area){0, y, canvas->width, 1});
		return;
	}
	csv_fill(canvas, (struct csv_area){0, y, canvas->width, 1}, ' ', CSV_ROLE_STATUS);
	honest(app, doubts, sizeof(doubts));
	if (app->message[0])
		snprintf(about, sizeof(about), "%s", app->message);
	else if (app->doing)
		snprintf(about, sizeof(about), "%s", app->doing);
	else if (view->describe)
		view->describe(app->states[app->current], about, sizeof(about));
	int right = csv_text_columns(canvas, doubts), left = csv_text_columns(canvas, about);

	/* A message is there until the next key: where there is no room for both, it goes first. */
	if (app->message[0] && left + 1 + right > canvas->width)
		right = canvas->width > left + 1 ? canvas->width - left - 1 : 0;
	csv_put_right(canvas, canvas->width - right, y, right, CSV_ROLE_STATUS, doubts);
	csv_put(canvas, 0, y, canvas->width - right - (right > 0),
	        app->message_bad && app->message[0] ? CSV_ROLE_BAD : CSV_ROLE_STATUS, about);
}

static void draw_frame(struct csv_app *app)
{
	draw_title(app);
	draw_tabs(app);
	draw_status(app);
}

/* ---- help ---- */

static void draw_help(struct csv_app *app, struct csv_area area)
{
	const char *section = "";
	int y = area.y - (int)app->help_top;

	for (int action = 1; action < CSV_ACTIONS; action++) {
		const struct csv_action_info *info = &csv_actions[action];
		char keys[64];

		if (!info->help[0])
			continue;
		if (strcmp(section, info->section) != 0) {
			section = info->section;
			y++;
			if (y > area.y && y < area.y + area.height)
				csv_put(&app->canvas, area.x + 1, y, area.width - 1, CSV_ROLE_TITLE,
				        section);
			y++;
		}
		csv_keymap_text(&app->keymap, (enum csv_action)action, keys, sizeof(keys));
		if (y >= area.y && y < area.y + area.height) {
			csv_put_right(&app->canvas, area.x + 1, y, 14, CSV_ROLE_STRONG, keys);
			csv_put(&app->canvas, area.x + 18, y, area.width - 18, CSV_ROLE_PLAIN,
			        info->help);
		}
		y++;
	}
	int total = y - area.y + (int)app->help_top;

	if (app->help_top && (int)app->help_top > total - area.height)
		app->help_top = total > area.height ? (uint32_t)(total - area.height) : 0;
}

int csv_app_draw(struct csv_app *app, int width, int height)
{
	int error = 0;

	if (app->canvas.width != width || app->canvas.height != height)
		error = csv_canvas_resize(&app->canvas, width, height);
	if (error)
		return error;
	csv_canvas_clear(&app->canvas);
	app->area = (struct csv_area){0, 2, app->canvas.width, app->canvas.height - 3};
	if (app->area.height > 0 && app->help)
		draw_help(app, app->area);
	else if (app->area.height > 0)
		csv_app_view(app)->draw(app->states[app->current], scene_of(app), &app->canvas,
		                        app->area);
	draw_frame(app);
	return 0;
}
