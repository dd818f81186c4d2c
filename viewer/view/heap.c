/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap by stack, function, module, thread, spawn site or coroutine, with the change since
 * the mark or, without one, since the start of the recording.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/rollup.h"
#include "view/view.h"
#include "view/words.h"
#include "widget/expression.h"
#include "widget/grid.h"

enum { VALUE, SHARE, CHANGE, OBJECTS, WHAT };

static const struct csv_column columns[] = {
	{"VALUE", 11, true, false, 0},  {"%", 6, true, false, 40},
	{"CHANGE", 12, true, false, 0}, {"OBJECTS", 10, true, false, 60},
	{"WHAT", 20, false, true, 0},   {NULL, 0, false, false, 0},
};

static const struct csv_field fields[] = {
	{"function", CSV_FIELD_TEXT}, /* any on the stack, and so are modules */
	{"module", CSV_FIELD_TEXT},   {"label", CSV_FIELD_TEXT}, /* what the row is called */
	{"value", CSV_FIELD_BYTES},   {"change", CSV_FIELD_BYTES},
	{"objects", CSV_FIELD_COUNT}, {NULL, 0},
};
enum { FIELD_FUNCTION, FIELD_MODULE, FIELD_LABEL, FIELD_VALUE, FIELD_CHANGE, FIELD_OBJECTS };

struct heap {
	struct csv_grid grid;
	struct csv_rows rows;
	struct cs_rollup *rollup; /* of scene->now and, where there is one, the base */
	enum cs_metric metric;
	enum cs_by by;
	bool open; /* the stack of the selected row is shown */
	struct csv_expression *filter;
	char filter_text[256];
	struct csv_area area;
	const struct csv_scene *scene;
	char problem[128];
};

static const struct cs_entry *entry_of(const struct heap *view, uint32_t row)
{
	return &view->rollup->entries[row];
}

/* With a base the value is the new one. */
static double change_of(const struct heap *view, const struct cs_entry *entry)
{
	return view->rollup->base ? (double)entry->delta : NAN;
}

/* What stays the same from picture to picture. */
static uint64_t identity(const void *context, uint32_t row)
{
	const struct heap *view = context;
	const struct cs_entry *entry = entry_of(view, row);
	uint64_t hash = UINT64_C(1469598103934665603);

	for (const struct cs_stack *at = entry->stack; at; at = at->caller)
		hash = (hash ^ at->call->address ^ at->call->line) * UINT64_C(1099511628211);
	for (const char *c = entry->label ? entry->label : ""; *c; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
	return hash ^ (uint64_t)entry->process << 32 ^ entry->thread;
}

static uint64_t sort_key(const void *context, uint32_t row, int column)
{
	const struct heap *view = context;
	const struct cs_entry *entry = entry_of(view, row);

	switch (column) {
	case CHANGE:
		return csv_sort_number(change_of(view, entry));
	case OBJECTS:
		return csv_sort_number((double)entry->objects);
	case WHAT:
		return csv_sort_text(entry->label ? entry->label : "");
	default:
		return csv_sort_number((double)entry->value);
	}
}

/* Innermost call first, as far as the column goes. */
static void put_stack(const struct cs_stack *stack, char *text, size_t bytes)
{
	size_t used = 0;

	for (const struct cs_stack *at = stack; at && used + 1 < bytes; at = at->caller)
		used += (size_t)snprintf(text + used, bytes - used, "%s%s", used ? " < " : "",
		                         at->call->function);
}

static enum csv_role cell(const void *context, uint32_t row, int column, char *text, size_t bytes)
{
	const struct heap *view = context;
	const struct cs_entry *entry = entry_of(view, row);
	double change = change_of(view, entry);

	switch (column) {
	case VALUE:
		snprintf(text, bytes, "%s", csv_words_metric(view->metric, (double)entry->value).s);
		return CSV_ROLE_PLAIN;
	case SHARE:
		snprintf(text, bytes, "%.1f",
		         view->rollup->total
		                 ? 100.0 * (double)entry->value / (double)view->rollup->total
		                 : 0.0);
		return CSV_ROLE_FAINT;
	case CHANGE:
		snprintf(text, bytes, "%s", csv_words_metric_change(view->metric, change).s);
		return change > 0 ? CSV_ROLE_WARN : change < 0 ? CSV_ROLE_GOOD : CSV_ROLE_FAINT;
	case OBJECTS:
		if (view->rollup->has_objects)
			snprintf(text, bytes, "%s", cs_text_count((double)entry->objects).s);
		return CSV_ROLE_PLAIN;
	default:
		if (entry->stack)
			put_stack(entry->stack, text, bytes);
		else
			snprintf(text, bytes, "%s", entry->label ? entry->label : "?");
		return CSV_ROLE_PLAIN;
	}
}

/* ---- filter and search ---- */

struct subject {
	const struct heap *view;
	uint32_t row;
};

static double field_number(const void *row, int field)
{
	const struct subject *subject = row;
	const struct cs_entry *entry = entry_of(subject->view, subject->row);

	if (field == FIELD_CHANGE)
		return change_of(subject->view, entry);
	return (double)(field == FIELD_OBJECTS ? entry->objects : entry->value);
}

static bool field_any(const void *row, int field,
                      bool (*test)(const void *context, const char *text), const void *context)
{
	const struct subject *subject = row;
	const struct cs_entry *entry = entry_of(subject->view, subject->row);

	if (field == FIELD_LABEL)
		return entry->label && test(context, entry->label);
	for (const struct cs_stack *at = entry->stack; at; at = at->caller) {
		const char *text = field == FIELD_FUNCTION ? at->call->function : at->call->module;

		if (text && test(context, text))
			return true;
	}
	return field == FIELD_FUNCTION && entry->label && test(context, entry->label);
}

static bool passes(const void *context, uint32_t row)
{
	const struct heap *view = context;
	const struct subject subject = {view, row};
	const struct csv_subject asked = {&subject, field_number, field_any};

	return csv_expression_holds(view->filter, &asked);
}

static bool matches(const void *context, uint32_t row, const char *needle)
{
	char text[512] = "";

	cell(context, row, WHAT, text, sizeof(text));
	return strstr(text, needle) != NULL;
}

/* ---- the view ---- */

static void *heap_open(void)
{
	struct heap *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
	csv_grid_init(&view->grid, columns, VALUE);
	view->metric = CS_METRIC_INUSE_SPACE;
	view->by = CS_BY_STACK;
	view->rows = (struct csv_rows){view, 0, false, identity, sort_key, cell, passes, matches};
	return view;
}

static void heap_close(void *state)
{
	struct heap *view = state;

	cs_rollup_free(view->rollup);
	csv_grid_release(&view->grid);
	csv_expression_free(view->filter);
	free(view);
}

/* A base without coroutines can't be compared with by them. */
static const struct cs_snapshot *base_of(const struct heap *view, const struct csv_scene *scene)
{
	const struct cs_snapshot *base = scene->mark ? scene->mark : scene->start;

	return base && base->sums_only && view->by == CS_BY_COROUTINE ? NULL : base;
}

static int heap_update(void *state, const struct csv_scene *scene)
{
	struct heap *view = state;
	struct cs_diag diag = {0};
	const struct cs_rollup_options options = {
		.metric = view->metric,
		.by = view->by,
		.base = base_of(view, scene),
	};

	view->scene = scene;
	view->problem[0] = 0;
	cs_rollup_free(view->rollup);
	view->rollup = cs_rollup_new(scene->now, &options, &diag);
	view->rows.count = view->rollup ? view->rollup->count : 0;
	if (!view->rollup)
		snprintf(view->problem, sizeof(view->problem), "%.120s", diag.text);
	snprintf(view->grid.needle, sizeof(view->grid.needle), "%s", scene->needle);
	return csv_grid_update(&view->grid, &view->rows);
}

static void draw_total(const struct heap *view, struct csv_canvas *canvas, struct csv_area area)
{
	const struct cs_rollup *rollup = view->rollup;
	static const char *const sure[] = {
		[CS_CERTAIN] = "", [CS_AT_LEAST] = "at least ", [CS_ABOUT] = "about "};
	char interval[96] = "", change[64] = "";

	if (rollup->sampled)
		snprintf(interval, sizeof(interval), "  (95 %%: %s … %s)",
		         csv_words_metric(view->metric, rollup->low).s,
		         csv_words_metric(view->metric, rollup->high).s);
	if (rollup->base)
		snprintf(change, sizeof(change), "  %s since the %s",
		         csv_words_metric_change(view->metric,
		                                 (double)(rollup->total - rollup->base_total))
		                 .s,
		         view->scene->mark ? "mark" : "start");
	csv_putf(canvas, area.x, area.y, area.width, CSV_ROLE_STRONG, "%s  %s%s%s%s",
	         cs_metric_info[view->metric].title, sure[rollup->certainty],
	         csv_words_metric(view->metric, (double)rollup->total).s, interval, change);
}

/* The whole stack of the selected row, innermost call first. */
static void draw_stack(const struct heap *view, struct csv_canvas *canvas, struct csv_area area)
{
	uint32_t row;
	int y = area.y;

	csv_fill(canvas, (struct csv_area){area.x, y, area.width, 1},
	         csv_glyph(canvas, CSV_GLYPH_LINE), CSV_ROLE_FAINT);
	if (!csv_grid_row(&view->grid, &row))
		return;
	for (const struct cs_stack *at = entry_of(view, row)->stack;
	     at && ++y < area.y + area.height; at = at->caller) {
		int used = csv_put(canvas, area.x + 1, y, area.width - 1, CSV_ROLE_PLAIN,
		                   at->call->function);

		if (at->call->file)
			csv_putf(canvas, area.x + used + 2, y, area.width - used - 2,
			         CSV_ROLE_FAINT, "%s:%" PRIu32, cs_text_basename(at->call->file),
			         at->call->line);
	}
}

static void heap_draw(void *state, const struct csv_scene *scene, struct csv_canvas *canvas,
                      struct csv_area area)
{
	struct heap *view = state;
	int below = view->open ? area.height / 3 : 0;
	struct csv_area table = {area.x, area.y + 1, area.width, area.height - 1 - below};

	view->scene = scene;
	view->area = table;
	if (!view->rollup) {
		csv_put(canvas, area.x, area.y, area.width, CSV_ROLE_BAD, view->problem);
		return;
	}
	draw_total(view, canvas, area);
	csv_grid_draw(&view->grid, &view->rows, canvas, table);
	if (!view->grid.count)
		csv_put(canvas, table.x, table.y + 1, table.width, CSV_ROLE_FAINT,
		        view->filter ? "nothing passes the filter" : "nothing was recorded of it");
	if (below > 1)
		draw_stack(view, canvas,
		           (struct csv_area){area.x, area.y + area.height - below, area.width,
		                             below});
}

static enum csv_effect heap_action(void *state, const struct csv_scene *scene,
                                   enum csv_action action)
{
	struct heap *view = state;

	view->scene = scene;
	switch (action) {
	case CSV_ACTION_MODE:
		view->by = (view->by + 1) % CS_BY_COUNT;
		return CSV_CHANGED;
	case CSV_ACTION_METRIC:
		view->metric = (view->metric + 1) % (CS_METRIC_TEMPORARY_OBJECTS + 1);
		return CSV_CHANGED;
	case CSV_ACTION_OPEN:
		view->open = !view->open;
		return CSV_MOVED;
	case CSV_ACTION_BACK:
		view->open = false;
		return CSV_MOVED;
	default:
		return csv_grid_action(&view->grid, &view->rows, action, view->area.width);
	}
}

static bool heap_click(void *state, const struct csv_scene *scene, int x, int y, int clicks)
{
	struct heap *view = state;

	view->scene = scene;
	if (clicks > 1)
		view->open = !view->open;
	return csv_grid_click(&view->grid, &view->rows, view->area, x, y);
}

static int heap_filter(void *state, const char *text, struct cs_diag *diag)
{
	struct heap *view = state;

	return csv_expression_replace(&view->filter, view->filter_text, sizeof(view->filter_text),
	                              text, fields, diag);
}

static bool heap_search(void *state, const struct csv_scene *scene, int direction)
{
	struct heap *view = state;

	view->scene = scene;
	return csv_grid_search(&view->grid, &view->rows, scene->needle, direction < 0 ? -1 : 1,
	                       direction == 0);
}

static void heap_describe(const void *state, char *text, size_t bytes)
{
	const struct heap *view = state;

	snprintf(text, bytes, "%s by %s%s%s", cs_metric_info[view->metric].name,
	         cs_by_names[view->by], view->filter_text[0] ? " · " : "", view->filter_text);
}

static bool heap_whole(const void *state)
{
	return ((const struct heap *)state)->by == CS_BY_COROUTINE;
}

static int heap_save(void *state, const struct csv_scene *scene, enum csv_form form,
                     struct cs_sink *sink)
{
	struct heap *view = state;

	(void)scene;
	return view->rollup ? csv_save_rollup(view->rollup, &view->grid, form, sink) : -ENODATA;
}

const struct csv_view csv_view_heap = {
	.name = "heap",
	.history = true,
	.whole = heap_whole,
	.open = heap_open,
	.close = heap_close,
	.update = heap_update,
	.draw = heap_draw,
	.action = heap_action,
	.click = heap_click,
	.filter = heap_filter,
	.search = heap_search,
	.describe = heap_describe,
	.save = heap_save,
};
