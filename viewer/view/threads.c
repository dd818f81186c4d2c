/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads: what each one does, on which coroutine, and what part of a CPU it took between
 * the last two looks at it.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/view.h"
#include "view/words.h"
#include "widget/expression.h"
#include "widget/grid.h"

enum { TID, NAME, STATE, CPU, TIME, QUEUE, COROUTINE, FUNCTION };

static const struct csv_column columns[] = {
	{"TID", 8, true, false, 0},         {"NAME", 16, false, false, 0},
	{"STATE", 10, false, false, 0},     {"CPU%", 6, true, false, 0},
	{"CPU TIME", 9, true, false, 50},   {"QUEUED", 8, true, false, 70},
	{"COROUTINE", 20, false, false, 0}, {"FUNCTION", 20, false, true, 0},
	{NULL, 0, false, false, 0},
};

static const struct csv_field fields[] = {
	{"name", CSV_FIELD_TEXT},
	{"state", CSV_FIELD_TEXT, cs_thread_state_names, CS_THREAD_STATES},
	{"coroutine", CSV_FIELD_TEXT},
	{"tid", CSV_FIELD_COUNT},
	{"cpu", CSV_FIELD_DURATION},
	{NULL, 0},
};

struct threads {
	struct csv_grid grid;
	struct csv_rows rows;
	uint32_t *ids; /* of the model, by row */
	uint32_t count, room;
	struct csv_expression *filter;
	char filter_text[256];
	struct csv_area area;
	const struct csv_scene *scene;
};

static const struct cs_thread *thread_of(const struct threads *view, uint32_t row)
{
	return cs_model_thread_at(view->scene->now->model, view->ids[row]);
}

static const struct cs_coroutine *coroutine_of(const struct threads *view, uint32_t row)
{
	return cs_model_coroutine_at(view->scene->now->model, thread_of(view, row)->coroutine);
}

static double cpu_share(const struct threads *view, uint32_t row)
{
	return csv_thread_share(view->scene, view->ids[row]);
}

static const struct cs_call *call_of(const struct threads *view, uint32_t row)
{
	const struct cs_coroutine *coroutine = coroutine_of(view, row);

	if (!coroutine || !coroutine->stack)
		return NULL;
	return csv_telling_call(
		cs_stacks_get(view->scene->stacks, view->scene->now, coroutine->stack));
}

static uint64_t identity(const void *context, uint32_t row)
{
	const struct threads *view = context;

	return view->ids[row];
}

static double known(uint64_t number)
{
	return number == CS_UNKNOWN ? NAN : (double)number;
}

static uint64_t sort_key(const void *context, uint32_t row, int column)
{
	const struct threads *view = context;
	const struct cs_thread *thread = thread_of(view, row);
	const struct cs_call *call;

	switch (column) {
	case NAME:
		return csv_sort_text(thread->name);
	case STATE:
		return thread->state;
	case CPU:
		return csv_sort_number(cpu_share(view, row));
	case TIME:
		return csv_sort_number(known(thread->cpu_ns));
	case QUEUE:
		return csv_sort_number(known(thread->wait_ns));
	case COROUTINE:
		return thread->coroutine;
	case FUNCTION:
		call = call_of(view, row);
		return call ? csv_sort_text(call->function) : 0;
	default:
		return thread->tid;
	}
}

static enum csv_role cell(const void *context, uint32_t row, int column, char *text, size_t bytes)
{
	const struct threads *view = context;
	const struct cs_thread *thread = thread_of(view, row);
	const struct cs_coroutine *coroutine = coroutine_of(view, row);
	const struct cs_call *call;
	double share;

	switch (column) {
	case TID:
		snprintf(text, bytes, "%" PRIu32, thread->tid);
		break;
	case NAME:
		snprintf(text, bytes, "%s", thread->name[0] ? thread->name : "?");
		break;
	case STATE:
		snprintf(text, bytes, "%s", cs_thread_state_names[thread->state]);
		return thread->state == CS_THREAD_RUNNING ? CSV_ROLE_RUNNING : CSV_ROLE_PLAIN;
	case CPU:
		share = cpu_share(view, row);
		if (isnan(share))
			snprintf(text, bytes, "?");
		else
			snprintf(text, bytes, "%.1f", 100 * share);
		return share > 0.8 ? CSV_ROLE_WARN : CSV_ROLE_PLAIN;
	case TIME:
		snprintf(text, bytes, "%s", csv_words_short_duration(thread->cpu_ns).s);
		break;
	case QUEUE:
		snprintf(text, bytes, "%s", csv_words_short_duration(thread->wait_ns).s);
		break;
	case COROUTINE:
		if (coroutine)
			snprintf(text, bytes, "%s",
			         csv_words_id(view->scene->now->model, coroutine->runtime,
			                      coroutine->number)
			                 .s);
		break;
	default:
		call = call_of(view, row);
		snprintf(text, bytes, "%s", call ? call->function : "");
	}
	return CSV_ROLE_PLAIN;
}

/* ---- filter and search ---- */

struct subject {
	const struct threads *view;
	uint32_t row;
};

static double field_number(const void *row, int field)
{
	const struct subject *subject = row;
	const struct cs_thread *thread = thread_of(subject->view, subject->row);

	return field == 3 ? thread->tid : known(thread->cpu_ns);
}

static bool field_any(const void *row, int field,
                      bool (*test)(const void *context, const char *text), const void *context)
{
	const struct subject *subject = row;
	const struct cs_thread *thread = thread_of(subject->view, subject->row);
	char text[64] = "";

	if (field == 0)
		return test(context, thread->name);
	if (field == 1)
		return test(context, cs_thread_state_names[thread->state]);
	cell(subject->view, subject->row, COROUTINE, text, sizeof(text));
	return test(context, text);
}

static bool passes(const void *context, uint32_t row)
{
	const struct threads *view = context;
	const struct subject subject = {view, row};
	const struct csv_subject asked = {&subject, field_number, field_any};

	return csv_expression_holds(view->filter, &asked);
}

static bool matches(const void *context, uint32_t row, const char *needle)
{
	const struct threads *view = context;
	char text[128];

	for (int column = 0; columns[column].title; column++) {
		text[0] = 0;
		cell(view, row, column, text, sizeof(text));
		if (strstr(text, needle))
			return true;
	}
	return false;
}

/* ---- the view ---- */

static void *threads_open(void)
{
	struct threads *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
	csv_grid_init(&view->grid, columns, CPU);
	view->rows = (struct csv_rows){view, 0, false, identity, sort_key, cell, passes, matches};
	return view;
}

static void threads_close(void *state)
{
	struct threads *view = state;

	csv_grid_release(&view->grid);
	csv_expression_free(view->filter);
	free(view->ids);
	free(view);
}

static int threads_update(void *state, const struct csv_scene *scene)
{
	struct threads *view = state;
	const struct cs_model *model = scene->now->model;
	uint32_t threads = cs_model_thread_count(model);

	view->scene = scene;
	view->rows.count = view->count = 0;
	if (threads > view->room) {
		uint32_t *ids = realloc(view->ids, threads * sizeof(*ids));

		if (!ids)
			return -ENOMEM;
		view->ids = ids;
		view->room = threads;
	}
	for (uint32_t id = 1; id <= threads; id++)
		if (!cs_model_thread_at(model, id)->end_ns)
			view->ids[view->count++] = id;
	view->rows.count = view->count;
	snprintf(view->grid.needle, sizeof(view->grid.needle), "%s", scene->needle);
	return csv_grid_update(&view->grid, &view->rows);
}

static void threads_draw(void *state, const struct csv_scene *scene, struct csv_canvas *canvas,
                         struct csv_area area)
{
	struct threads *view = state;

	view->scene = scene;
	view->area = area;
	csv_grid_draw(&view->grid, &view->rows, canvas, area);
	if (!view->grid.count)
		csv_put(canvas, area.x, area.y + 1, area.width, CSV_ROLE_FAINT,
		        view->filter ? "no thread passes the filter"
		                     : "no thread is alive at this time");
}

static enum csv_effect threads_action(void *state, const struct csv_scene *scene,
                                      enum csv_action action)
{
	struct threads *view = state;

	view->scene = scene;
	return csv_grid_action(&view->grid, &view->rows, action, view->area.width);
}

static bool threads_click(void *state, const struct csv_scene *scene, int x, int y, int clicks)
{
	struct threads *view = state;

	(void)clicks;
	view->scene = scene;
	return csv_grid_click(&view->grid, &view->rows, view->area, x, y);
}

static int threads_filter(void *state, const char *text, struct cs_diag *diag)
{
	struct threads *view = state;

	return csv_expression_replace(&view->filter, view->filter_text, sizeof(view->filter_text),
	                              text, fields, diag);
}

static bool threads_search(void *state, const struct csv_scene *scene, int direction)
{
	struct threads *view = state;

	view->scene = scene;
	return csv_grid_search(&view->grid, &view->rows, scene->needle, direction < 0 ? -1 : 1,
	                       direction == 0);
}

static void threads_describe(const void *state, char *text, size_t bytes)
{
	const struct threads *view = state;

	snprintf(text, bytes, "%s thread%s%s%s", cs_text_count(view->grid.count).s,
	         view->grid.count == 1 ? "" : "s", view->filter_text[0] ? " · " : "",
	         view->filter_text);
}

static int threads_save(void *state, const struct csv_scene *scene, enum csv_form form,
                        struct cs_sink *sink)
{
	struct threads *view = state;
	uint32_t *ids = calloc((size_t)view->grid.count + 1, sizeof(*ids));
	int error;

	if (!ids)
		return -ENOMEM;
	for (uint32_t i = 0; i < view->grid.count; i++)
		ids[i] = view->ids[csv_grid_row_at(&view->grid, i)];
	error = csv_save_threads(scene, ids, view->grid.count, form, sink);
	free(ids);
	return error;
}

const struct csv_view csv_view_threads = {
	.name = "threads",
	.open = threads_open,
	.close = threads_close,
	.update = threads_update,
	.draw = threads_draw,
	.action = threads_action,
	.click = threads_click,
	.filter = threads_filter,
	.search = threads_search,
	.describe = threads_describe,
	.save = threads_save,
};
