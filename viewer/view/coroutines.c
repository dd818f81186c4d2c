/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines, in three ways: grouped by where they are, as a list, as the tree of who spawned
 * whom; and the details of one of them below.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/coroutine_groups.h"
#include "view/coroutine_rows.h"
#include "view/detail.h"
#include "view/living.h"
#include "view/view.h"
#include "view/words.h"

enum mode { GROUPS, LIST, TREE, MODES };

static const char *const mode_names[MODES] = {"by stack", "list", "tree by spawn"};

/* Rows of a scene, in a mode. */
struct content {
	enum mode mode;
	struct csv_rows rows;
	struct csv_coroutine_rows list;
	struct csv_groups groups;
	struct csv_order order; /* of what is prepared; of what is shown the grid has it */
	int sort_column;        /* of that order */
	bool ascending;
	uint64_t filled; /* serial of the scene that the rows are of; 0: none */
};

struct coroutines {
	enum mode mode;
	struct csv_grid grids[MODES];
	/* What is shown, and what is prepared or of no use. They do not move: rows point to them. */
	struct content contents[2];
	unsigned shown;
	struct csv_coroutine_search search;
	struct csv_expression *filter;
	char filter_text[256];
	struct csv_detail detail;
	struct csv_area table;
};

static struct content *shown(struct coroutines *view)
{
	return &view->contents[view->shown];
}

static struct content *prepared(struct coroutines *view)
{
	return &view->contents[!view->shown];
}

static struct csv_grid *grid_of(struct coroutines *view)
{
	return &view->grids[view->mode];
}

static void *coroutines_open(void)
{
	struct coroutines *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
	for (int i = 0; i < 2; i++)
		view->contents[i].list.search = &view->search;
	csv_grid_init(&view->grids[GROUPS], csv_group_columns, 0);
	csv_grid_init(&view->grids[LIST], csv_coroutine_columns, 3);
	csv_grid_init(&view->grids[TREE], csv_coroutine_columns, 0);
	return view;
}

static void coroutines_close(void *state)
{
	struct coroutines *view = state;

	for (int mode = 0; mode < MODES; mode++)
		csv_grid_release(&view->grids[mode]);
	for (int i = 0; i < 2; i++) {
		csv_coroutine_rows_release(&view->contents[i].list);
		csv_groups_release(&view->contents[i].groups);
		csv_order_release(&view->contents[i].order);
	}
	free(view->search.known);
	csv_expression_free(view->filter);
	free(view);
}

/* Rows are made when there is something new; sorting and filtering a list is the grid's. */
static int fill(const struct coroutines *view, struct content *content,
                const struct csv_scene *scene, const struct cs_pace *pace)
{
	bool tree = view->mode == TREE;
	int error;

	content->mode = view->mode;
	content->filled = 0;
	if (view->mode == GROUPS) {
		error = csv_groups_fill(&content->groups, scene, view->filter, pace);
		content->rows = csv_groups_grid(&content->groups);
	} else {
		content->list.filter = view->filter;
		error = csv_coroutine_rows_fill(&content->list, scene, tree, pace);
		content->rows = csv_coroutine_rows_grid(&content->list, tree);
	}
	content->filled = error ? 0 : scene->serial;
	return error;
}

static int coroutines_prepare(void *state, const struct csv_scene *next, const struct cs_pace *pace)
{
	struct coroutines *view = state;
	struct content *content = prepared(view);
	int error;

	csv_expression_forget(view->filter);
	csv_coroutine_fold_as(&content->list, &shown(view)->list);
	error = fill(view, content, next, pace);
	content->sort_column = grid_of(view)->sort_column;
	content->ascending = grid_of(view)->ascending;
	if (!error)
		error = csv_grid_prepare(grid_of(view), &content->rows, &content->order, pace);
	if (error)
		content->filled = 0;
	return error;
}

/* What was prepared, if it is of SCENE, and as it is to be shown. */
static bool take_prepared(struct coroutines *view, const struct csv_scene *scene)
{
	struct content *content = prepared(view);

	if (content->filled != scene->serial || content->mode != view->mode ||
	    content->sort_column != grid_of(view)->sort_column ||
	    content->ascending != grid_of(view)->ascending)
		return false;
	shown(view)->filled = 0;
	view->shown = !view->shown;
	content->list.scene = content->groups.scene = scene;
	csv_grid_take(grid_of(view), &content->rows, &content->order);
	/* Of no use any more, and of a million rows it is large. */
	csv_order_release(&content->order);
	return true;
}

static int coroutines_update(void *state, const struct csv_scene *scene)
{
	struct coroutines *view = state;
	struct csv_grid *grid = grid_of(view);
	int error = 0;

	snprintf(grid->needle, sizeof(grid->needle), "%s", scene->needle);
	if (shown(view)->filled != scene->serial) {
		csv_coroutine_search_forget(&view->search);
		if (take_prepared(view, scene))
			return 0;
		csv_expression_forget(view->filter);
		error = fill(view, shown(view), scene, NULL);
	} else if (view->mode == GROUPS) {
		csv_groups_recount(&shown(view)->groups);
	}
	prepared(view)->filled = 0; /* it is of another moment, or another order */
	return error ? error : csv_grid_update(grid, &shown(view)->rows);
}

/* ---- drawing ---- */

static void draw_summary(const struct csv_scene *scene, struct csv_canvas *canvas,
                         struct csv_area area)
{
	struct csv_counts counts = csv_counts_shown(scene);
	int x = area.x;

	x += csv_putf(canvas, x, area.y, area.width, CSV_ROLE_STRONG, "%s coroutines",
	              cs_text_count((double)counts.all).s);
	for (int i = 0; i < CS_COROUTINE_STATES && x < area.x + area.width; i++) {
		if (counts.states[i])
			x += csv_putf(canvas, x + 2, area.y, area.x + area.width - x - 2,
			              csv_role_of_state((enum cs_coroutine_state)i), "%s %s",
			              cs_coroutine_state_names[i],
			              cs_text_count((double)counts.states[i]).s) +
			     2;
	}
}

static void draw_detail(struct coroutines *view, const struct csv_scene *scene,
                        struct csv_canvas *canvas, struct csv_area area)
{
	uint32_t row;

	if (view->mode != GROUPS)
		csv_detail_draw(&view->detail, scene, canvas, area);
	else if (csv_grid_row(grid_of(view), &row))
		csv_detail_draw_group(&view->detail, scene, &shown(view)->groups, row, canvas,
		                      area);
}

static void coroutines_draw(void *state, const struct csv_scene *scene, struct csv_canvas *canvas,
                            struct csv_area area)
{
	struct coroutines *view = state;
	int below = view->detail.open ? area.height / 2 : 0;

	view->table = (struct csv_area){area.x, area.y + 1, area.width, area.height - 1 - below};
	draw_summary(scene, canvas, area);
	csv_grid_draw(grid_of(view), &shown(view)->rows, canvas, view->table);
	if (!grid_of(view)->count)
		csv_put(canvas, area.x, area.y + 2, area.width, CSV_ROLE_FAINT,
		        view->filter ? "no coroutine passes the filter"
		                     : "no coroutines are known at this time");
	if (below > 1)
		draw_detail(view, scene, canvas,
		            (struct csv_area){area.x, area.y + area.height - below, area.width,
		                              below});
}

/* ---- acting ---- */

static const struct cs_coroutine *selected(struct coroutines *view, const struct csv_scene *scene)
{
	uint32_t row;

	if (!csv_grid_row(grid_of(view), &row))
		return NULL;
	if (view->mode == GROUPS)
		return cs_model_coroutine_at(scene->now->model,
		                             shown(view)->groups.groups.groups[row].example);
	return csv_coroutine_of(&shown(view)->list, row);
}

static void open_detail(struct coroutines *view, const struct csv_scene *scene)
{
	const struct cs_coroutine *coroutine = selected(view, scene);

	if (coroutine)
		csv_detail_open(&view->detail, coroutine);
}

static enum csv_effect fold(struct coroutines *view, enum csv_action action)
{
	uint32_t row;
	bool folded;

	if (view->mode != TREE || !csv_grid_row(grid_of(view), &row))
		return CSV_MOVED;
	folded = shown(view)->list.rows[row].folded;
	if (action != CSV_ACTION_EXPAND && (action == CSV_ACTION_LEFT) == folded)
		return CSV_MOVED;
	csv_coroutine_fold(&shown(view)->list, row);
	shown(view)->filled = 0;
	return CSV_CHANGED;
}

static enum csv_effect coroutines_action(void *state, const struct csv_scene *scene,
                                         enum csv_action action)
{
	struct coroutines *view = state;
	enum csv_effect effect;

	switch (action) {
	case CSV_ACTION_MODE:
		view->mode = (view->mode + 1) % MODES;
		shown(view)->filled = 0;
		return CSV_CHANGED;
	case CSV_ACTION_OPEN:
		open_detail(view, scene);
		return CSV_MOVED;
	case CSV_ACTION_BACK:
		view->detail.open = false;
		return CSV_MOVED;
	case CSV_ACTION_DETAIL_UP:
	case CSV_ACTION_DETAIL_DOWN:
		if (action == CSV_ACTION_DETAIL_DOWN)
			view->detail.top++;
		else if (view->detail.top)
			view->detail.top--;
		return CSV_MOVED;
	case CSV_ACTION_EXPAND:
	case CSV_ACTION_LEFT:
	case CSV_ACTION_RIGHT:
		return fold(view, action);
	default:
		effect = csv_grid_action(grid_of(view), &shown(view)->rows, action,
		                         view->table.width);
		/* Open details follow the selection. */
		if (effect == CSV_MOVED && view->detail.open && !grid_of(view)->follow)
			open_detail(view, scene);
		return effect;
	}
}

static bool coroutines_click(void *state, const struct csv_scene *scene, int x, int y, int clicks)
{
	struct coroutines *view = state;
	bool hit = csv_grid_click(grid_of(view), &shown(view)->rows, view->table, x, y);

	if (hit && (clicks > 1 || view->detail.open))
		open_detail(view, scene);
	return hit;
}

static int coroutines_filter(void *state, const char *text, struct cs_diag *diag)
{
	struct coroutines *view = state;
	int error = csv_expression_replace(&view->filter, view->filter_text,
	                                   sizeof(view->filter_text), text, csv_coroutine_fields,
	                                   diag);

	shown(view)->list.filter = view->filter;
	shown(view)->filled = 0;
	return error;
}

static bool coroutines_search(void *state, const struct csv_scene *scene, int direction)
{
	struct coroutines *view = state;

	return csv_grid_search(grid_of(view), &shown(view)->rows, scene->needle,
	                       direction < 0 ? -1 : 1, direction == 0);
}

static const struct csv_who *coroutines_watches(const void *state)
{
	const struct coroutines *view = state;

	return view->detail.open && view->mode != GROUPS ? &view->detail.who : NULL;
}

static void coroutines_describe(const void *state, char *text, size_t bytes)
{
	const struct coroutines *view = state;

	const uint32_t count = view->grids[view->mode].count;
	const char *what = view->mode == GROUPS ? "group" : "row";

	snprintf(text, bytes, "%s %s%s · %s%s%s%s", cs_text_count(count).s, what,
	         count == 1 ? "" : "s", mode_names[view->mode],
	         view->grids[view->mode].follow ? " · following" : "",
	         view->filter_text[0] ? " · " : "", view->filter_text);
}

static int coroutines_save(void *state, const struct csv_scene *scene, enum csv_form form,
                           struct cs_sink *sink)
{
	struct coroutines *view = state;
	struct csv_grid *grid = grid_of(view);
	uint32_t *slots;
	int error;

	if (view->mode == GROUPS)
		return csv_save_groups(scene, &shown(view)->groups.groups, grid, form, sink);
	slots = calloc((size_t)grid->count + 1, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	csv_order_settle(&grid->order, 0, grid->count);
	for (uint32_t i = 0; i < grid->count; i++)
		slots[i] = shown(view)->list.rows[csv_grid_row_at(grid, i)].id;
	error = csv_save_coroutines(scene, slots, grid->count, form, sink);
	free(slots);
	return error;
}

const struct csv_view csv_view_coroutines = {
	.name = "coroutines",
	.history = true,
	.open = coroutines_open,
	.close = coroutines_close,
	.update = coroutines_update,
	.prepare = coroutines_prepare,
	.draw = coroutines_draw,
	.action = coroutines_action,
	.click = coroutines_click,
	.filter = coroutines_filter,
	.search = coroutines_search,
	.watches = coroutines_watches,
	.describe = coroutines_describe,
	.save = coroutines_save,
};
