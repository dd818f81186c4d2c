/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys become actions, actions go to the app first and to the view then; after each the view is
 * updated. Failures are told in the last line and never end the viewer.
 */
#include "app/app.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define INTERVAL_NS UINT64_C(500000000)

void csv_app_say(struct csv_app *app, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(app->message, sizeof(app->message), format, args);
	va_end(args);
	app->message_bad = false;
}

void csv_app_complain(struct csv_app *app, const struct cs_diag *diag)
{
	csv_app_say(app, "cannot %.160s%s%.80s", diag->text, diag->hint[0] ? "; " : "", diag->hint);
	app->message_bad = true;
}

const struct csv_view *csv_app_view(const struct csv_app *app)
{
	return csv_views[app->current];
}

void csv_app_update(struct csv_app *app)
{
	const struct csv_view *view = csv_app_view(app);
	struct csv_scene *scene = csv_session_scene(app->session);
	struct cs_diag diag = {0};

	app->updates++;
	app->due = true; /* perhaps the view wants other moments as well */
	app->missed = app->resting;
	if (!app->resting && view->whole && view->whole(app->states[app->current]) &&
	    csv_session_whole(app->session, &diag))
		csv_app_complain(app, &diag);
	scene->needle = app->needle;
	if (view->update(app->states[app->current], scene)) {
		cs_diag_set(&diag, -ENOMEM, "show all of it: no memory");
		csv_app_complain(app, &diag);
	}
}

int csv_app_open(struct csv_app *app, struct csv_session *session, const char *title,
                 struct cs_diag *diag)
{
	memset(app, 0, sizeof(*app));
	app->session = session;
	cs_sink_to_memory(&app->copied);
	app->interval_ns = INTERVAL_NS;
	app->speed = 1;
	app->paused = !csv_session_is_growing(session);
	app->pace = (struct cs_pace){csv_app_rest, app};
	csv_session_pace(session, &app->pace);
	snprintf(app->title, sizeof(app->title), "%s", title);
	csv_keymap_default(&app->keymap);
	while (csv_views[app->views] && app->views < CSV_VIEWS_MAX) {
		app->states[app->views] = csv_views[app->views]->open();
		if (!app->states[app->views])
			return cs_diag_set(diag, -ENOMEM, "show the view: no memory");
		app->views++;
	}
	if (csv_session_warning(session))
		csv_app_say(app, "%s", csv_session_warning(session));
	csv_app_update(app);
	return 0;
}

void csv_app_close(struct csv_app *app)
{
	for (uint32_t i = 0; i < app->views; i++)
		csv_views[i]->close(app->states[i]);
	csv_session_close(app->session);
	csv_canvas_release(&app->canvas);
	cs_sink_release(&app->copied);
}

bool csv_app_choose(struct csv_app *app, const char *view)
{
	for (uint32_t i = 0; i < app->views; i++) {
		if (!strcmp(csv_views[i]->name, view)) {
			app->current = i;
			csv_app_update(app);
			return true;
		}
	}
	return false;
}

/* ---- asking ---- */

void csv_app_ask(struct csv_app *app, enum csv_asking what)
{
	static const char *const labels[] = {
		[CSV_ASKING_SEARCH] = "search: ",
		[CSV_ASKING_FILTER] = "filter: ",
		[CSV_ASKING_SAVE] = "save to (.txt, .json, .folded): ",
		[CSV_ASKING_COPY] = "copy as (text, json, folded): ",
		[CSV_ASKING_SNAPSHOT] = "write a trace to: ",
		[CSV_ASKING_RECORD] = "record from now on, to: ",
	};

	app->asking = what;
	csv_prompt_open(&app->prompt, labels[what], what == CSV_ASKING_COPY ? "text" : "");
	app->prompt.before = app->answers[what];
	if (what == CSV_ASKING_FILTER && !csv_app_view(app)->filter) {
		app->asking = CSV_ASKING_NOTHING;
		csv_app_say(app, "this view has no rows to filter");
	}
}

static void search(struct csv_app *app, int direction)
{
	const struct csv_view *view = csv_app_view(app);

	csv_session_scene(app->session)->needle = app->needle;
	if (!app->needle[0] || !view->search)
		return;
	if (!view->search(app->states[app->current], csv_session_scene(app->session), direction))
		csv_app_say(app, "'%s' is not found", app->needle);
}

static void filter(struct csv_app *app, const char *text)
{
	const struct csv_view *view = csv_app_view(app);
	struct cs_diag diag = {0};

	if (view->filter && view->filter(app->states[app->current], text, &diag))
		csv_app_complain(app, &diag);
	csv_app_update(app);
}

static void answer(struct csv_app *app)
{
	const char *text = app->prompt.text;
	struct cs_diag diag = {0};

	switch (app->asking) {
	case CSV_ASKING_FILTER:
		filter(app, text);
		break;
	case CSV_ASKING_SAVE:
		if (*text && csv_app_save(app, text, &diag))
			csv_app_complain(app, &diag);
		else if (*text)
			csv_app_say(app, "saved to %s", text);
		break;
	case CSV_ASKING_COPY:
		if (csv_app_copy(app, text, &diag))
			csv_app_complain(app, &diag);
		else
			csv_app_say(app, "copied %s to the terminal's clipboard",
			            cs_text_bytes((double)app->copied.size).s);
		break;
	case CSV_ASKING_SNAPSHOT:
		if (*text)
			csv_app_later(app, CSV_ACTION_SNAPSHOT, text);
		break;
	case CSV_ASKING_RECORD:
		csv_app_record(app, text);
		break;
	default:
		break;
	}
}

static void prompt_key(struct csv_app *app, uint32_t key)
{
	enum csv_prompt_end end = csv_prompt_key(&app->prompt, key);
	bool searching = app->asking == CSV_ASKING_SEARCH;

	if (searching && end != CSV_PROMPT_DONE) {
		snprintf(app->needle, sizeof(app->needle), "%.*s", (int)sizeof(app->needle) - 1,
		         end == CSV_PROMPT_CANCELLED ? "" : app->prompt.text);
		search(app, 0);
	}
	if (end == CSV_PROMPT_GOES_ON)
		return;
	if (end == CSV_PROMPT_DONE && app->prompt.text[0])
		snprintf(app->answers[app->asking], sizeof(app->answers[0]), "%s",
		         app->prompt.text);
	if (end == CSV_PROMPT_DONE)
		answer(app);
	app->asking = CSV_ASKING_NOTHING;
}

/* ---- doing ---- */

static void change_view(struct csv_app *app, uint32_t view)
{
	app->help = false;
	if (view < app->views)
		app->current = view;
	csv_app_update(app);
}

static void show_system(struct csv_app *app)
{
	struct csv_scene *scene = csv_session_scene(app->session);

	scene->system = !scene->system;
	scene->serial++;
	csv_app_update(app);
	csv_app_say(app, "the runtime's own coroutines are %s", scene->system ? "shown" : "hidden");
}

/* What begins with a question. False: it does not. */
static bool do_ask(struct csv_app *app, enum csv_action action)
{
	static const enum csv_asking questions[CSV_ACTIONS] = {
		[CSV_ACTION_SEARCH] = CSV_ASKING_SEARCH,
		[CSV_ACTION_FILTER] = CSV_ASKING_FILTER,
		[CSV_ACTION_SAVE] = CSV_ASKING_SAVE,
		[CSV_ACTION_COPY] = CSV_ASKING_COPY,
		[CSV_ACTION_SNAPSHOT] = CSV_ASKING_SNAPSHOT,
	};

	if (!questions[action])
		return false;
	if (action == CSV_ACTION_COPY && !app->copies)
		csv_app_say(app, "this terminal has no clipboard that is known; "
		                 "clipboard = yes in top.conf uses it all the same");
	else
		csv_app_ask(app, questions[action]);
	return true;
}

/* What the app itself does; false: it is for the view. */
static bool do_own(struct csv_app *app, enum csv_action action)
{
	if (action >= CSV_ACTION_VIEW_1 && action <= CSV_ACTION_VIEW_9) {
		change_view(app, action - CSV_ACTION_VIEW_1);
		return true;
	}
	switch (action) {
	case CSV_ACTION_NEXT_VIEW:
		change_view(app, (app->current + 1) % app->views);
		return true;
	case CSV_ACTION_PREVIOUS_VIEW:
		change_view(app, (app->current + app->views - 1) % app->views);
		return true;
	case CSV_ACTION_HELP:
		app->help = !app->help;
		return true;
	case CSV_ACTION_SYSTEM:
		show_system(app);
		return true;
	case CSV_ACTION_SEARCH_NEXT:
	case CSV_ACTION_SEARCH_PREVIOUS:
		search(app, action == CSV_ACTION_SEARCH_NEXT ? 1 : -1);
		return true;
	case CSV_ACTION_CLEAR_FILTER:
		app->needle[0] = 0;
		filter(app, "");
		return true;
	case CSV_ACTION_REDRAW:
		app->redraw = true;
		return true;
	case CSV_ACTION_QUIT:
		app->quit = true;
		return true;
	default:
		return do_ask(app, action) || csv_app_target(app, action) ||
		       csv_app_travel(app, action);
	}
}

static bool do_in_help(struct csv_app *app, enum csv_action action)
{
	switch (action) {
	case CSV_ACTION_UP:
		app->help_top -= app->help_top ? 1 : 0;
		return true;
	case CSV_ACTION_DOWN:
		app->help_top++;
		return true;
	case CSV_ACTION_PAGE_UP:
		app->help_top = app->help_top > 10 ? app->help_top - 10 : 0;
		return true;
	case CSV_ACTION_PAGE_DOWN:
		app->help_top += 10;
		return true;
	case CSV_ACTION_BACK:
		app->help = false;
		return true;
	default:
		return false;
	}
}

void csv_app_do_now(struct csv_app *app, enum csv_action action)
{
	const struct csv_view *view = csv_app_view(app);
	void *state = app->states[app->current];

	if (app->help && do_in_help(app, action))
		return;
	if (do_own(app, action))
		return;
	if (!view->action)
		return;
	if (view->action(state, csv_session_scene(app->session), action) == CSV_CHANGED)
		csv_app_update(app);
	else
		app->due = true; /* another one may be looked into */
}

static void wheel(struct csv_app *app, int direction)
{
	for (int i = 0; i < 3; i++)
		csv_app_do(app, direction < 0 ? CSV_ACTION_UP : CSV_ACTION_DOWN);
}

/* Tabs are in the second line; see frame.c. */
static void click(struct csv_app *app, const struct csv_event *event)
{
	const struct csv_view *view = csv_app_view(app);
	struct csv_tab tab;

	for (uint32_t i = 0; event->y == 1 && i < app->views; i++) {
		csv_app_tab(app, i, &tab);
		if (event->x >= tab.x && event->x < tab.x + tab.width) {
			csv_app_do(app, CSV_ACTION_VIEW_1 + i);
			break; /* they may lie elsewhere now */
		}
	}
	if (event->y > 1 && view->click && !app->help) {
		view->click(app->states[app->current], csv_session_scene(app->session), event->x,
		            event->y, event->clicks);
		csv_app_update(app);
	}
}

void csv_app_event(struct csv_app *app, const struct csv_event *event)
{
	if (event->kind == CSV_EVENT_HANGUP)
		app->quit = true;
	if (event->kind == CSV_EVENT_WHEEL)
		wheel(app, event->clicks);
	if (event->kind == CSV_EVENT_CLICK)
		click(app, event);
	if (event->kind != CSV_EVENT_KEY)
		return;
	app->message[0] = 0;
	if (app->asking) {
		prompt_key(app, event->key);
		return;
	}
	enum csv_action action = csv_keymap_action(&app->keymap, event->key);

	if (action)
		csv_app_do(app, action);
	else
		csv_app_say(app, "'%s' does nothing here; ? shows the keys",
		            csv_key_name(event->key).s);
}
