/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flame graph of any metric that the recording holds.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/group.h"
#include "model/rollup.h"
#include "view/view.h"
#include "view/words.h"
#include "widget/flame.h"

struct stacks {
	struct csv_flame flame;
	/* What names the frames: a roll-up's stacks or, of coroutines, those of their groups. */
	struct cs_rollup *rollup;
	struct cs_stacks *stacks;
	enum cs_metric metric;
	bool chosen; /* by the person; else the first metric that holds anything */
	struct csv_area area;
	const struct csv_scene *scene;
	char problem[128];
};

static void *stacks_open(void)
{
	struct stacks *view = calloc(1, sizeof(*view));

	if (view)
		view->metric = CS_METRIC_INUSE_SPACE;
	return view;
}

static void stacks_close(void *state)
{
	struct stacks *view = state;

	csv_flame_release(&view->flame);
	cs_rollup_free(view->rollup);
	cs_stacks_free(view->stacks);
	free(view);
}

/* Adds STACK from its outermost call inwards; returns its frame. */
static uint32_t add_stack(struct csv_flame *flame, const struct cs_stack *stack, double value)
{
	const struct cs_stack *path[1024];
	uint32_t depth = 0, frame = csv_flame_add(flame, CSV_FLAME_NONE, 0, "all", value);

	for (const struct cs_stack *at = stack; at && depth < 1024; at = at->caller)
		path[depth++] = at;
	while (depth-- > 0 && frame != CSV_FLAME_NONE)
		/* cppcheck-suppress uninitvar ; as many are read as were written */
		frame = csv_flame_add(flame, frame, path[depth]->call->function_id + 1,
		                      path[depth]->call->function, value);
	return frame;
}

/* What a person had zoomed into is found again by its path of names. */
static uint32_t find_again(const struct csv_flame *old, uint32_t wanted,
                           const struct csv_flame *flame)
{
	const char *path[256] = {NULL};
	uint32_t depth = 0, frame = 0;

	for (uint32_t at = wanted;
	     old->count && old->frames[at].parent != CSV_FLAME_NONE && depth < 256;
	     at = old->frames[at].parent)
		path[depth++] = old->frames[at].name;
	while (depth-- > 0) {
		uint32_t child = flame->frames[frame].child;

		while (child != CSV_FLAME_NONE &&
		       strcmp(flame->frames[child].name, path[depth]) != 0)
			child = flame->frames[child].next;
		if (child == CSV_FLAME_NONE)
			break;
		frame = child;
	}
	return frame;
}

static struct cs_rollup *roll_up(struct stacks *view, enum cs_metric metric)
{
	struct cs_diag diag = {0};
	const struct cs_rollup_options options = {.metric = metric, .by = CS_BY_STACK};
	struct cs_rollup *rollup = cs_rollup_new(view->scene->now, &options, &diag);

	if (!rollup)
		snprintf(view->problem, sizeof(view->problem), "%.120s", diag.text);
	return rollup;
}

static int add_rollup(struct stacks *view, enum cs_metric metric)
{
	view->rollup = roll_up(view, metric);
	for (uint32_t i = 0; view->rollup && i < view->rollup->count; i++)
		add_stack(&view->flame, view->rollup->entries[i].stack,
		          (double)view->rollup->entries[i].value);
	return view->rollup ? 0 : -ENOMEM;
}

/* There may be a million of them, on a few hundred stacks: no snapshot has to have them. */
static int add_coroutines(struct stacks *view, enum cs_metric metric)
{
	const struct csv_scene *scene = view->scene;
	struct cs_groups groups = {0};
	int error;

	view->stacks = cs_stacks_new(true);
	if (!view->stacks)
		return -ENOMEM;
	error = cs_groups_begin(&groups, scene->now, view->stacks);
	for (uint32_t i = 0; !error && i < scene->living.count; i++) {
		uint32_t id = scene->living.ids[i];
		const struct cs_coroutine *one = cs_model_coroutine_at(scene->now->model, id);

		/* The runtime's own are not the program's doing, as in all reports. */
		if (!(one->flags & CS_COROUTINE_SYSTEM))
			error = cs_groups_add(&groups, one, id);
	}
	if (!error)
		error = cs_groups_end(&groups);
	for (uint32_t i = 0; !error && i < groups.count; i++) {
		const struct cs_group *group = &groups.groups[i];
		uint64_t value = metric == CS_METRIC_COROUTINES ? group->count : group->stack_bytes;

		if (value && value != CS_UNKNOWN)
			add_stack(&view->flame, group->stack, (double)value);
	}
	cs_groups_free(&groups);
	return error;
}

static int fill(struct stacks *view, enum cs_metric metric)
{
	cs_rollup_free(view->rollup);
	cs_stacks_free(view->stacks);
	view->rollup = NULL;
	view->stacks = NULL;
	csv_flame_release(&view->flame);
	view->flame = (struct csv_flame){0};
	return metric >= CS_METRIC_COROUTINES ? add_coroutines(view, metric)
	                                      : add_rollup(view, metric);
}

/* Until a person chooses: the first metric with anything in it. */
static int fill_first(struct stacks *view)
{
	int error = 0;

	for (int metric = 0; !error && metric < CS_METRIC_COUNT; metric++) {
		error = fill(view, (enum cs_metric)metric);
		if (view->flame.count) {
			view->metric = (enum cs_metric)metric;
			break;
		}
	}
	return error;
}

static int stacks_update(void *state, const struct csv_scene *scene)
{
	struct stacks *view = state, before = *view;
	int error;

	view->scene = scene;
	view->problem[0] = 0;
	view->flame = (struct csv_flame){0};
	view->rollup = NULL;
	view->stacks = NULL;
	error = view->chosen ? fill(view, view->metric) : fill_first(view);
	csv_flame_sort(&view->flame);
	if (view->flame.count && before.flame.count) {
		view->flame.zoom = find_again(&before.flame, before.flame.zoom, &view->flame);
		view->flame.selected =
			find_again(&before.flame, before.flame.selected, &view->flame);
	}
	/* Only now, when its names have been compared. */
	csv_flame_release(&before.flame);
	cs_rollup_free(before.rollup);
	cs_stacks_free(before.stacks);
	return view->problem[0] ? 0 : error;
}

static void stacks_draw(void *state, const struct csv_scene *scene, struct csv_canvas *canvas,
                        struct csv_area area)
{
	struct stacks *view = state;
	const struct csv_flame *flame = &view->flame;

	view->scene = scene;
	view->area = (struct csv_area){area.x, area.y + 1, area.width, area.height - 1};
	if (!flame->count) {
		csv_putf(canvas, area.x, area.y, area.width, CSV_ROLE_FAINT, "%s%s",
		         view->problem[0] ? view->problem : "nothing was recorded of ",
		         view->problem[0] ? "" : cs_metric_info[view->metric].name);
		return;
	}
	csv_flame_draw(&view->flame, canvas, view->area, scene->needle);
	const struct csv_flame_frame *selected = &flame->frames[flame->selected];

	csv_putf(canvas, area.x, area.y, area.width, CSV_ROLE_STRONG, "%s  %s (%s)  %s",
	         cs_metric_info[view->metric].name,
	         csv_words_metric(view->metric, selected->value).s,
	         cs_text_percent(selected->value, flame->frames[0].value).s, selected->name);
}

static enum csv_effect stacks_action(void *state, const struct csv_scene *scene,
                                     enum csv_action action)
{
	struct stacks *view = state;

	view->scene = scene;
	switch (action) {
	case CSV_ACTION_UP:
		csv_flame_move(&view->flame, 0, -1);
		return CSV_MOVED;
	case CSV_ACTION_DOWN:
		csv_flame_move(&view->flame, 0, 1);
		return CSV_MOVED;
	case CSV_ACTION_LEFT:
		csv_flame_move(&view->flame, -1, 0);
		return CSV_MOVED;
	case CSV_ACTION_RIGHT:
		csv_flame_move(&view->flame, 1, 0);
		return CSV_MOVED;
	case CSV_ACTION_OPEN:
		csv_flame_zoom(&view->flame, true);
		return CSV_MOVED;
	case CSV_ACTION_BACK:
		csv_flame_zoom(&view->flame, false);
		return CSV_MOVED;
	case CSV_ACTION_METRIC:
	case CSV_ACTION_MODE:
		view->metric = (view->metric + 1) % CS_METRIC_COUNT;
		view->chosen = true;
		return CSV_CHANGED;
	default:
		return CSV_NOT_MINE;
	}
}

static bool stacks_click(void *state, const struct csv_scene *scene, int x, int y, int clicks)
{
	struct stacks *view = state;

	view->scene = scene;
	if (!csv_flame_click(&view->flame, view->area, x, y))
		return false;
	if (clicks > 1)
		csv_flame_zoom(&view->flame, true);
	return true;
}

/* The next frame, in order of the tree, whose name holds the needle. */
static bool stacks_search(void *state, const struct csv_scene *scene, int direction)
{
	struct stacks *view = state;
	const struct csv_flame *flame = &view->flame;
	uint32_t frame = flame->selected;

	for (uint32_t tries = 0; scene->needle[0] && tries < flame->count; tries++) {
		if (tries || direction)
			frame = (frame + (direction < 0 ? flame->count - 1 : 1)) % flame->count;
		if (strstr(flame->frames[frame].name, scene->needle)) {
			view->flame.selected = frame;
			view->flame.zoom = 0;
			return true;
		}
	}
	return false;
}

static void stacks_describe(const void *state, char *text, size_t bytes)
{
	const struct stacks *view = state;

	snprintf(text, bytes, "flame graph of %s%s", cs_metric_info[view->metric].name,
	         view->flame.zoom ? ", zoomed" : "");
}

static int stacks_save(void *state, const struct csv_scene *scene, enum csv_form form,
                       struct cs_sink *sink)
{
	struct stacks *view = state;
	struct cs_rollup *rollup;
	int error;

	view->scene = scene;
	rollup = roll_up(view, view->metric);
	if (!rollup)
		return -ENOMEM;
	error = csv_save_rollup(rollup, NULL, form, sink);
	cs_rollup_free(rollup);
	return error;
}

const struct csv_view csv_view_stacks = {
	.name = "stacks",
	.open = stacks_open,
	.close = stacks_close,
	.update = stacks_update,
	.draw = stacks_draw,
	.action = stacks_action,
	.click = stacks_click,
	.search = stacks_search,
	.describe = stacks_describe,
	.save = stacks_save,
};
