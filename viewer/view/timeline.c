/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recording from end to end: heap, coroutines by state, CPU, as charts one below the other,
 * with a cursor at the moment that the other views show.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "view/view.h"
#include "view/words.h"
#include "widget/chart.h"

#define CHART_ROWS 5

struct timeline {
	uint32_t top; /* the first series shown */
	uint32_t shown, count;
};

static void *timeline_open(void)
{
	return calloc(1, sizeof(struct timeline));
}

static int timeline_update(void *state, const struct csv_scene *scene)
{
	struct timeline *view = state;

	view->count = scene->series_count;
	return 0;
}

static void text_of_bytes(double value, char *text, unsigned bytes)
{
	snprintf(text, bytes, "%s", cs_text_bytes(value).s);
}

static void text_of_count(double value, char *text, unsigned bytes)
{
	snprintf(text, bytes, "%s", cs_text_count(value).s);
}

static void text_of_share(double value, char *text, unsigned bytes)
{
	snprintf(text, bytes, "%.0f %%", 100 * value);
}

static void draw_series(const struct csv_scene *scene, uint32_t index, struct csv_canvas *canvas,
                        struct csv_area area)
{
	static void (*const texts[])(double, char *, unsigned) = {
		[CSV_SERIES_BYTES] = text_of_bytes,
		[CSV_SERIES_COUNT] = text_of_count,
		[CSV_SERIES_SHARE] = text_of_share,
	};
	const struct csv_series *series = &scene->series[index];
	const struct csv_chart chart = {
		.title = series->title,
		.points = series->points,
		.count = series->count,
		.from_ns = scene->from_ns,
		.to_ns = scene->to_ns,
		.now_ns = scene->now->time_ns,
		.role = CSV_ROLE_CHART_1 + (enum csv_role)(index % 4),
		.text = texts[series->unit],
	};

	csv_chart_draw(&chart, canvas, area);
}

static void draw_axis(const struct csv_scene *scene, struct csv_canvas *canvas,
                      struct csv_area area)
{
	char end[64];

	snprintf(end, sizeof(end), "%s%s", cs_text_duration(scene->to_ns).s,
	         scene->live ? " (now)" : "");
	csv_put(canvas, area.x, area.y, area.width, CSV_ROLE_FAINT,
	        cs_text_duration(scene->from_ns).s);
	csv_put_right(canvas, area.x, area.y, area.width, CSV_ROLE_FAINT, end);
}

static void timeline_draw(void *state, const struct csv_scene *scene, struct csv_canvas *canvas,
                          struct csv_area area)
{
	struct timeline *view = state;
	int rows = area.height - 1, each = CHART_ROWS;

	view->shown = rows / each > 0 ? (uint32_t)(rows / each) : 1;
	if (view->top + view->shown > scene->series_count)
		view->top = scene->series_count > view->shown ? scene->series_count - view->shown
		                                              : 0;
	if (scene->series_count && view->shown >= scene->series_count)
		each = rows / (int)scene->series_count;
	for (uint32_t i = 0; i < view->shown && view->top + i < scene->series_count; i++)
		draw_series(scene, view->top + i, canvas,
		            (struct csv_area){area.x, area.y + (int)i * each, area.width,
		                              each > 1 ? each - 1 : rows});
	if (!scene->series_count)
		csv_put(canvas, area.x, area.y, area.width, CSV_ROLE_FAINT,
		        "nothing has been recorded over time yet");
	draw_axis(scene, canvas,
	          (struct csv_area){area.x, area.y + area.height - 1, area.width, 1});
}

static enum csv_effect timeline_action(void *state, const struct csv_scene *scene,
                                       enum csv_action action)
{
	struct timeline *view = state;

	(void)scene;
	if (action == CSV_ACTION_UP && view->top)
		view->top--;
	else if (action == CSV_ACTION_DOWN && view->top + view->shown < view->count)
		view->top++;
	else
		return action == CSV_ACTION_UP || action == CSV_ACTION_DOWN ? CSV_MOVED
		                                                            : CSV_NOT_MINE;
	return CSV_MOVED;
}

static void timeline_describe(const void *state, char *text, size_t bytes)
{
	const struct timeline *view = state;

	snprintf(text, bytes, "%u chart%s; [ ] { } move in time, P to the peak", view->count,
	         view->count == 1 ? "" : "s");
}

static const char *const unit_names[] = {
	[CSV_SERIES_BYTES] = "bytes",
	[CSV_SERIES_COUNT] = "count",
	[CSV_SERIES_SHARE] = "ratio",
};

static int timeline_save(void *state, const struct csv_scene *scene, enum csv_form form,
                         struct cs_sink *sink)
{
	struct cs_json json;

	(void)state;
	if (form != CSV_FORM_JSON)
		return -ENOTSUP;
	csv_save_begin(&json, scene, sink);
	cs_json_uint(&json, "from_ns", scene->from_ns);
	cs_json_uint(&json, "to_ns", scene->to_ns);
	cs_json_array(&json, "series");
	for (uint32_t i = 0; i < scene->series_count; i++) {
		const struct csv_series *series = &scene->series[i];

		cs_json_object(&json, NULL);
		cs_json_string(&json, "name", series->title);
		cs_json_string(&json, "unit", unit_names[series->unit]);
		cs_json_array(&json, "points");
		for (uint32_t at = 0; at < series->count; at++) {
			cs_json_object(&json, NULL);
			cs_json_uint(&json, "time_ns", series->points[at].time_ns);
			cs_json_double(&json, "value", series->points[at].value);
			cs_json_object_end(&json);
		}
		cs_json_array_end(&json);
		cs_json_object_end(&json);
	}
	cs_json_array_end(&json);
	cs_json_object_end(&json);
	cs_json_finish(&json);
	return cs_sink_error(sink);
}

const struct csv_view csv_view_timeline = {
	.name = "timeline",
	.timeline = true,
	.open = timeline_open,
	.close = free,
	.update = timeline_update,
	.draw = timeline_draw,
	.action = timeline_action,
	.describe = timeline_describe,
	.save = timeline_save,
};
