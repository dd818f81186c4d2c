/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything around the view: the title with the time of the picture, the tabs, and the status
 * line, which says what is uncertain: losses, unstable rows, sampling, the picture's age.
 */
#include <inttypes.h>
#include <stdarg.h>
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

void csv_app_tab(const struct csv_app *app, uint32_t view, struct csv_tab *tab)
{
	int all = 1;

	for (uint32_t i = 0; i < app->views; i++)
		all += (int)strlen(csv_views[i]->name) + 4;
	/* Where not all have room, each has its key, and the one that is shown its name. */
	*tab = (struct csv_tab){.x = all <= app->canvas.width};
	for (uint32_t i = 0; i <= view && i < app->views; i++) {
		bool named = all <= app->canvas.width || i == app->current;

		tab->x += tab->width;
		snprintf(tab->text, sizeof(tab->text), named ? " %" PRIu32 " %s " : " %" PRIu32,
		         i + 1, csv_views[i]->name);
		tab->width = (int)strlen(tab->text);
	}
}

static void draw_tabs(struct csv_app *app)
{
	struct csv_canvas *canvas = &app->canvas;
	struct csv_tab tab;
	int x = 1;

	csv_fill(canvas, (struct csv_area){0, 1, canvas->width, 1}, ' ', CSV_ROLE_TAB);
	for (uint32_t i = 0; i < app->views; i++) {
		csv_app_tab(app, i, &tab);
		csv_put(canvas, tab.x, 1, canvas->width - tab.x,
		        i == app->current && !app->help ? CSV_ROLE_TAB_ACTIVE : CSV_ROLE_TAB,
		        tab.text);
		x = tab.x + tab.width;
	}
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

/* What a person must know of the picture before believing it: the last ones matter most. */
struct doubts {
	char parts[4][192];
	int count;
};

static void doubt(struct doubts *doubts, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void doubt(struct doubts *doubts, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(doubts->parts[doubts->count++], sizeof(doubts->parts[0]), format, args);
	va_end(args);
}

static void honest(const struct csv_app *app, struct doubts *doubts)
{
	const struct csv_scene *scene = scene_of(app);
	const struct cs_snapshot *now = scene->now;
	uint64_t age_ns = csv_session_age_ns(app->session);
	char next[192];

	doubts->count = 0;
	if (now->sampled)
		doubt(doubts, "heap sampled 1/%s", cs_text_bytes((double)now->mean_bytes).s);
	if (!csv_session_at_end(app->session)) {
		doubt(doubts, "%s before the end", cs_text_duration(scene->to_ns - now->time_ns).s);
	} else if (age_ns != CSV_THE_END) {
		doubt(doubts, "age %s", cs_text_duration(age_ns).s);
	} else if (app->ended) {
		ended(app, next, sizeof(next));
		doubt(doubts, "%s", next);
	}
	if (scene->counts.unstable)
		doubt(doubts, "unstable %s", cs_text_count((double)scene->counts.unstable).s);
	if (now->lost)
		doubt(doubts, "lost %s", cs_text_count((double)now->lost).s);
}

/* As many of DOUBTS as have room, the last one cut rather than left out. Returns their columns. */
static int put_doubts(struct csv_canvas *canvas, const struct doubts *doubts, int y, int room)
{
	char text[sizeof(doubts->parts) + 8];
	int columns = 0;

	for (int from = 0; from < doubts->count; from++) {
		size_t used = 0;

		for (int i = from; i < doubts->count; i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
			                         i > from ? "  " : "", doubts->parts[i]);
		columns = csv_text_columns(canvas, text);
		if (columns <= room)
			break;
	}
	if (columns > room)
		columns = room;
	if (columns > 0)
		csv_put(canvas, canvas->width - columns, y, columns, CSV_ROLE_STATUS, text);
	return columns;
}

/* What is shown, or what has just been done. */
static void put_about(const struct csv_app *app, char *text, size_t bytes)
{
	const struct csv_view *view = csv_app_view(app);

	text[0] = 0;
	if (app->message[0])
		snprintf(text, bytes, "%s", app->message);
	else if (app->doing)
		snprintf(text, bytes, "%s", app->doing);
	else if (view->describe)
		view->describe(app->states[app->current], text, bytes);
}

static void draw_status(struct csv_app *app)
{
	struct csv_canvas *canvas = &app->canvas;
	int y = canvas->height - 1, room = canvas->width, right;
	struct doubts doubts;
	char about[384];

	if (app->asking) {
		csv_prompt_draw(&app->prompt, canvas, (struct csv_area){0, y, canvas->width, 1});
		return;
	}
	csv_fill(canvas, (struct csv_area){0, y, canvas->width, 1}, ' ', CSV_ROLE_STATUS);
	put_about(app, about, sizeof(about));
	/* A message is there until the next key: where there is no room for both, it goes first. */
	if (app->message[0])
		room -= csv_text_columns(canvas, about) + 1;
	honest(app, &doubts);
	right = put_doubts(canvas, &doubts, y, room > 0 ? room : 0);
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

/* Beyond the longest help. */
#define HELP_NAMES_X 72
#define HELP_NAMES 16

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
			/* What it is called in top.conf and in scripts. */
			if (area.width >= HELP_NAMES_X + HELP_NAMES)
				csv_put(&app->canvas, area.x + HELP_NAMES_X, y, HELP_NAMES,
				        CSV_ROLE_FAINT, info->name);
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
