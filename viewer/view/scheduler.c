/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scheduling: how busy each thread was at the last looks, how many coroutines are in
 * which state, and what the runtime says of its own scheduler (Go's Ms and Ps, run queues).
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/tally.h"
#include "view/living.h"
#include "view/view.h"
#include "view/words.h"

struct scheduler {
	uint32_t top; /* lines scrolled */
	const struct csv_scene *scene;
};

static void *scheduler_open(void)
{
	return calloc(1, sizeof(struct scheduler));
}

static int scheduler_update(void *state, const struct csv_scene *scene)
{
	struct scheduler *view = state;

	view->scene = scene;
	return 0;
}

/* ---- lines; those above TOP and below the area are counted, not drawn ---- */

struct lines {
	struct csv_canvas *canvas;
	struct csv_area area;
	int y; /* of the next line, from area.y - top on */
};

static bool is_visible(const struct lines *lines)
{
	return lines->y >= lines->area.y && lines->y < lines->area.y + lines->area.height;
}

static void put_title(struct lines *lines, const char *title)
{
	if (is_visible(lines))
		csv_put(lines->canvas, lines->area.x, lines->y, lines->area.width, CSV_ROLE_TITLE,
		        title);
	lines->y++;
}

/* NAME, a bar for SHARE (NAN: unknown), and TEXT. */
static void put_bar(struct lines *lines, const char *name, double share, const char *text)
{
	int width = lines->area.width - 22 - 24;

	if (is_visible(lines)) {
		csv_put(lines->canvas, lines->area.x + 1, lines->y, 20, CSV_ROLE_PLAIN, name);
		for (int i = 0; !isnan(share) && i < (int)lround(share * width) && i < width; i++)
			csv_put_character(lines->canvas, lines->area.x + 22 + i, lines->y,
			                  csv_glyph(lines->canvas, CSV_GLYPH_BAR),
			                  share > 0.8 ? CSV_ROLE_CHART_3 : CSV_ROLE_CHART_2);
		csv_put(lines->canvas, lines->area.x + lines->area.width - 23, lines->y, 23,
		        CSV_ROLE_PLAIN, text);
	}
	lines->y++;
}

static void put_threads(const struct scheduler *view, struct lines *lines)
{
	const struct cs_model *model = view->scene->now->model;

	put_title(lines, "Threads: share of a CPU");
	for (uint32_t id = 1; id <= cs_model_thread_count(model); id++) {
		const struct cs_thread *thread = cs_model_thread_at(model, id);
		double share = csv_thread_share(view->scene, id);
		char name[64], text[64] = "?";

		if (thread->end_ns)
			continue;
		snprintf(name, sizeof(name), "%" PRIu32 " %s", thread->tid, thread->name);
		if (!isnan(share))
			snprintf(text, sizeof(text), "%5.1f %%  %s", 100 * share,
			         cs_thread_state_names[thread->state]);
		put_bar(lines, name, share, text);
	}
}

static void put_states(const struct scheduler *view, struct lines *lines)
{
	struct csv_counts counts = csv_counts_shown(view->scene);
	char text[64];

	if (!counts.all)
		return;
	put_title(lines, "Coroutines by state");
	for (int i = 0; i < CS_COROUTINE_STATES; i++) {
		if (!counts.states[i])
			continue;
		snprintf(text, sizeof(text), "%s", cs_text_count((double)counts.states[i]).s);
		put_bar(lines, cs_coroutine_state_names[i],
		        (double)counts.states[i] / (double)counts.all, text);
	}
}

/* Coroutines that have ended took their counts with them: a sum may fall. NAN: not known. */
static double switches_per_second(const struct csv_scene *scene)
{
	const struct csv_before *before = &scene->before;

	if (!before->time_ns || scene->now->time_ns <= before->time_ns ||
	    before->switches == CS_UNKNOWN || scene->counts.switches == CS_UNKNOWN ||
	    scene->counts.switches < before->switches)
		return NAN;
	return (double)(scene->counts.switches - before->switches) * 1e9 /
	       (double)(scene->now->time_ns - before->time_ns);
}

static void put_switches(const struct scheduler *view, struct lines *lines)
{
	double rate = switches_per_second(view->scene);
	char text[64] = "?";

	if (view->scene->counts.switches == CS_UNKNOWN)
		return;
	if (!isnan(rate))
		snprintf(text, sizeof(text), "%s a second", cs_text_count(rate).s);
	put_bar(lines, "switches, living", NAN, text);
}

static void put_figures(const struct scheduler *view, struct lines *lines)
{
	const struct cs_model *model = view->scene->now->model;
	bool titled = false;

	for (uint32_t id = 1; id <= cs_model_figure_count(model); id++) {
		const struct cs_figure *figure = cs_model_figure_at(model, id);
		const char *name = cs_model_text_at(model, figure->name);
		char text[64];

		if (!figure->known || !name)
			continue;
		if (!titled)
			put_title(lines, "What the runtime says of itself");
		titled = true;
		if (figure->unit == CS_UNIT_BYTES)
			snprintf(text, sizeof(text), "%s", cs_text_bytes(figure->value).s);
		else if (figure->unit == CS_UNIT_NS)
			snprintf(text, sizeof(text), "%s",
			         cs_text_duration((uint64_t)fmax(figure->value, 0)).s);
		else if (figure->unit == CS_UNIT_RATIO)
			snprintf(text, sizeof(text), "%.3f", figure->value);
		else
			snprintf(text, sizeof(text), "%s", cs_text_count(figure->value).s);
		if (is_visible(lines)) {
			csv_put(lines->canvas, lines->area.x + 1, lines->y, 36, CSV_ROLE_PLAIN,
			        name);
			csv_put_right(lines->canvas, lines->area.x + 38, lines->y, 16,
			              CSV_ROLE_PLAIN, text);
		}
		lines->y++;
	}
}

static void scheduler_draw(void *state, const struct csv_scene *scene, struct csv_canvas *canvas,
                           struct csv_area area)
{
	struct scheduler *view = state;
	struct lines lines = {canvas, area, area.y - (int)view->top};
	int total;

	view->scene = scene;
	put_states(view, &lines);
	put_switches(view, &lines);
	put_threads(view, &lines);
	put_figures(view, &lines);
	total = lines.y - (area.y - (int)view->top);
	if (total > area.height && view->top > (uint32_t)(total - area.height))
		view->top = (uint32_t)(total - area.height);
	else if (total <= area.height)
		view->top = 0;
}

static enum csv_effect scheduler_action(void *state, const struct csv_scene *scene,
                                        enum csv_action action)
{
	struct scheduler *view = state;

	(void)scene;
	switch (action) {
	case CSV_ACTION_UP:
		view->top -= view->top ? 1 : 0;
		return CSV_MOVED;
	case CSV_ACTION_DOWN:
		view->top++;
		return CSV_MOVED;
	case CSV_ACTION_PAGE_UP:
		view->top = view->top > 10 ? view->top - 10 : 0;
		return CSV_MOVED;
	case CSV_ACTION_PAGE_DOWN:
		view->top += 10;
		return CSV_MOVED;
	case CSV_ACTION_FIRST:
		view->top = 0;
		return CSV_MOVED;
	default:
		return CSV_NOT_MINE;
	}
}

static void scheduler_describe(const void *state, char *text, size_t bytes)
{
	(void)state;
	snprintf(text, bytes, "threads, states, the runtime's own figures");
}

/* ---- as data ---- */

static void save_threads(struct cs_json *json, const struct csv_scene *scene)
{
	const struct cs_model *model = scene->now->model;

	cs_json_array(json, "threads");
	for (uint32_t id = 1; id <= cs_model_thread_count(model); id++) {
		const struct cs_thread *thread = cs_model_thread_at(model, id);

		if (thread->end_ns)
			continue;
		cs_json_object(json, NULL);
		cs_json_uint(json, "process", thread->process);
		cs_json_uint(json, "tid", thread->tid);
		cs_json_string(json, "name", thread->name[0] ? thread->name : NULL);
		cs_json_string(json, "state",
		               thread->state ? cs_thread_state_names[thread->state] : NULL);
		cs_json_double(json, "cpu_share", csv_thread_share(scene, id));
		cs_json_object_end(json);
	}
	cs_json_array_end(json);
}

static void save_figures(struct cs_json *json, const struct cs_model *model)
{
	cs_json_array(json, "figures");
	for (uint32_t id = 1; id <= cs_model_figure_count(model); id++) {
		const struct cs_figure *figure = cs_model_figure_at(model, id);

		if (!figure->known)
			continue;
		cs_json_object(json, NULL);
		cs_json_uint(json, "process", figure->process);
		cs_json_string(json, "name", cs_model_text_at(model, figure->name));
		cs_json_string(json, "unit",
		               figure->unit < CS_UNITS ? cs_unit_names[figure->unit] : NULL);
		cs_json_double(json, "value", figure->value);
		cs_json_object_end(json);
	}
	cs_json_array_end(json);
}

static int scheduler_save(void *state, const struct csv_scene *scene, enum csv_form form,
                          struct cs_sink *sink)
{
	struct cs_json json;

	(void)state;
	if (form != CSV_FORM_JSON)
		return -ENOTSUP;
	csv_save_begin(&json, scene, sink);
	cs_json_object(&json, "states");
	for (int i = 0; i < CS_COROUTINE_STATES; i++)
		if (scene->counts.states[i])
			cs_json_uint(&json, i ? cs_coroutine_state_names[i] : "unknown",
			             scene->counts.states[i]);
	cs_json_object_end(&json);
	cs_json_double(&json, "switches_per_second", switches_per_second(scene));
	save_threads(&json, scene);
	save_figures(&json, scene->now->model);
	cs_json_object_end(&json);
	cs_json_finish(&json);
	return cs_sink_error(sink);
}

const struct csv_view csv_view_scheduler = {
	.name = "scheduler",
	.open = scheduler_open,
	.close = free,
	.update = scheduler_update,
	.draw = scheduler_draw,
	.action = scheduler_action,
	.describe = scheduler_describe,
	.save = scheduler_save,
};
