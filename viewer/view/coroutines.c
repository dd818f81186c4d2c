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
#include "view/view.h"
#include "view/words.h"

enum mode { GROUPS, LIST, TREE, MODES };

static const char *const mode_names[MODES] = {"by stack", "list", "tree by spawn"};

struct coroutines {
	enum mode mode;
	struct csv_grid grids[MODES];
	struct csv_rows rows; /* of the mode */
	struct csv_coroutine_rows list;
	struct csv_groups groups;
	struct csv_expression *filter;
	char filter_text[256];
	struct csv_detail detail;
	struct csv_area area, table;
};

static struct csv_grid *grid_of(struct coroutines *view)
{
	return &view->grids[view->mode];
}

static void *coroutines_open(void)
{
	struct coroutines *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
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
	csv_coroutine_rows_release(&view->list);
	csv_groups_release(&view->groups);
	csv_expression_free(view->filter);
	free(view);
}

static int coroutines_update(void *state, const struct csv_scene *scene)
{
	struct coroutines *view = state;
	struct csv_grid *grid = grid_of(view);
	int error;

	snprintf(grid->needle, sizeof(grid->needle), "%s", scene->needle);
	csv_detail_update(&view->detail, scene);
	if (view->mode == GROUPS) {
		error = csv_groups_fill(&view->groups, scene, view->filter);
		view->rows = csv_groups_grid(&view->groups);
	} else {
		view->list.filter = view->filter;
		error = csv_coroutine_rows_fill(&view->list, scene, view->mode == TREE);
		view->rows = csv_coroutine_rows_grid(&view->list, view->mode == TREE);
	}
	return error ? error : csv_grid_update(grid, &view->rows);
}

/* ---- drawing ---- */

static void draw_summary(const struct coroutines *view, const struct csv_scene *scene,
                         struct csv_canvas *canvas, struct csv_area area)
{
	uint64_t states[CS_COROUTINE_STATES] = {0}, all = 0;
	const struct cs_model *model = scene->now->model;
	int x = area.x;

	(void)view;
	for (uint32_t id = 1; id <= cs_model_coroutine_slots(model); id++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);

		if (!coroutine || coroutine->ended_ns || coroutine->state >= CS_COROUTINE_STATES ||
		    (!scene->system && coroutine->flags & CS_COROUTINE_SYSTEM))
			continue;
		states[coroutine->state]++;
		all++;
	}
	x += csv_putf(canvas, x, area.y, area.width, CSV_ROLE_STRONG, "%s coroutines",
	              cs_text_count((double)all).s);
	for (int i = 0; i < CS_COROUTINE_STATES && x < area.x + area.width; i++)
		if (states[i])
			x += csv_putf(canvas, x + 2, area.y, area.x + area.width - x - 2,
			              csv_role_of_state((enum cs_coroutine_state)i), "%s %s",
			              cs_coroutine_state_names[i],
			              cs_text_count((double)states[i]).s) +
			     2;
}

static void coroutines_draw(void *state, const struct csv_scene *scene, struct csv_canvas *canvas,
                            struct csv_area area)
{
	struct coroutines *view = state;
	int below = view->detail.open ? area.height / 2 : 0;

	view->area = area;
	view->table = (struct csv_area){area.x, area.y + 1, area.width, area.height - 1 - below};
	draw_summary(view, scene, canvas, area);
	csv_grid_draw(grid_of(view), &view->rows, canvas, view->table);
	if (!grid_of(view)->count)
		csv_put(canvas, area.x, area.y + 2, area.width, CSV_ROLE_FAINT,
		        view->filter ? "no coroutine passes the filter"
		                     : "no coroutines are known in this target");
	if (below > 1)
		csv_detail_draw(&view->detail, scene, canvas,
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
		return cs_model_coroutine_at(scene->now->model, view->groups.groups[row].example);
	return csv_coroutine_of(&view->list, row);
}

static void open_detail(struct coroutines *view, const struct csv_scene *scene)
{
	const struct cs_coroutine *coroutine = selected(view, scene);

	if (coroutine)
		csv_detail_open(&view->detail, coroutine);
}

static void fold(struct coroutines *view, enum csv_action action)
{
	uint32_t row;
	bool folded;

	if (view->mode != TREE || !csv_grid_row(grid_of(view), &row))
		return;
	folded = view->list.rows[row].folded;
	if (action == CSV_ACTION_EXPAND || (action == CSV_ACTION_LEFT && !folded) ||
	    (action == CSV_ACTION_RIGHT && folded))
		csv_coroutine_fold(&view->list, row);
}

static bool coroutines_action(void *state, const struct csv_scene *scene, enum csv_action action)
{
	struct coroutines *view = state;
	bool moved;

	switch (action) {
	case CSV_ACTION_MODE:
		view->mode = (view->mode + 1) % MODES;
		return true;
	case CSV_ACTION_OPEN:
		open_detail(view, scene);
		return true;
	case CSV_ACTION_BACK:
		view->detail.open = false;
		return true;
	case CSV_ACTION_EXPAND:
	case CSV_ACTION_LEFT:
	case CSV_ACTION_RIGHT:
		fold(view, action);
		return true;
	default:
		moved = csv_grid_action(grid_of(view), &view->rows, action, view->table.width);
		/* Open details follow the selection. */
		if (moved && view->detail.open && !grid_of(view)->follow)
			open_detail(view, scene);
		return moved;
	}
}

static bool coroutines_click(void *state, const struct csv_scene *scene, int x, int y, int clicks)
{
	struct coroutines *view = state;
	bool hit = csv_grid_click(grid_of(view), &view->rows, view->table, x, y);

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

	view->list.filter = view->filter;
	return error;
}

static bool coroutines_search(void *state, const struct csv_scene *scene, int direction)
{
	struct coroutines *view = state;

	(void)scene;
	return csv_grid_search(grid_of(view), &view->rows, direction < 0 ? -1 : 1, direction == 0);
}

static void coroutines_describe(const void *state, char *text, size_t bytes)
{
	const struct coroutines *view = state;

	snprintf(text, bytes, "%u %s · %s%s%s%s", view->grids[view->mode].count,
	         view->mode == GROUPS ? "groups" : "rows", mode_names[view->mode],
	         view->grids[view->mode].follow ? " · following" : "",
	         view->filter_text[0] ? " · " : "", view->filter_text);
}

const struct csv_view csv_view_coroutines = {
	.name = "coroutines",
	.help = "coroutines by stack, as a list, or by who spawned them",
	.history = true,
	.open = coroutines_open,
	.close = coroutines_close,
	.update = coroutines_update,
	.draw = coroutines_draw,
	.action = coroutines_action,
	.click = coroutines_click,
	.filter = coroutines_filter,
	.search = coroutines_search,
	.describe = coroutines_describe,
};
