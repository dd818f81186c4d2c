/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only the rows are chosen here: who writes them are the exports.
 */
#include "view/save.h"

#include <errno.h>
#include <stdlib.h>

#include "export/export.h"
#include "export/ps.h"

const char *const csv_form_names[CSV_FORMS + 1] = {"text", "json", "folded", NULL};

static const struct cs_export_style everything = {.limit = 0};

/* 1 + its place in the scene's snapshot by slot, which has the used slots in their order. */
static uint32_t *places_of(const struct csv_scene *scene)
{
	const struct cs_model *model = scene->now->model;
	uint32_t slots = cs_model_coroutine_slots(model), place = 0;
	uint32_t *places = calloc((size_t)slots + 1, sizeof(*places));

	for (uint32_t id = 1; places && id <= slots; id++)
		if (cs_model_coroutine_at(model, id))
			places[id] = ++place;
	return places;
}

static int write_ps(const struct csv_scene *scene, struct cs_ps *ps, struct cs_sink *sink)
{
	struct cs_diag diag = {0};

	ps->snapshot = scene->now;
	ps->stacks = scene->stacks;
	return cs_ps_json(ps, &everything, sink, &diag);
}

/* One line for each stack that somebody stands on. */
static int fold_groups(const struct csv_scene *scene, const struct cs_groups *groups,
                       struct csv_grid *grid, struct cs_sink *sink)
{
	struct cs_diag diag = {0};
	struct cs_rollup rollup = {
		.snapshot = scene->now,
		.metric = CS_METRIC_COROUTINES,
		.by = CS_BY_STACK,
		.entries = calloc((size_t)groups->count + 1, sizeof(*rollup.entries)),
	};

	if (!rollup.entries)
		return -ENOMEM;
	for (uint32_t i = 0; i < groups->count && (!grid || i < grid->count); i++) {
		const struct cs_group *group = &groups->groups[grid ? csv_grid_row_at(grid, i) : i];

		rollup.entries[rollup.count++] =
			(struct cs_entry){.value = group->count, .stack = group->stack};
	}
	int error = cs_export_folded.write(&rollup, &everything, sink, &diag);

	free(rollup.entries);
	return error;
}

static int fold_coroutines(const struct csv_scene *scene, const uint32_t *slots, uint32_t count,
                           struct cs_sink *sink)
{
	struct cs_groups groups;
	int error = cs_groups_begin(&groups, scene->now, scene->stacks);

	for (uint32_t i = 0; !error && i < count; i++)
		error = cs_groups_add(&groups, cs_model_coroutine_at(scene->now->model, slots[i]),
		                      slots[i]);
	if (!error)
		error = cs_groups_end(&groups);
	if (!error)
		error = fold_groups(scene, &groups, NULL, sink);
	cs_groups_free(&groups);
	return error;
}

int csv_save_coroutines(const struct csv_scene *scene, const uint32_t *slots, uint32_t count,
                        enum csv_form form, struct cs_sink *sink)
{
	uint32_t *places, *rows;
	int error = -ENOMEM;

	if (form == CSV_FORM_FOLDED)
		return fold_coroutines(scene, slots, count, sink);
	places = places_of(scene);
	rows = calloc((size_t)count + 1, sizeof(*rows));
	if (places && rows) {
		struct cs_ps ps = {.rows = rows, .count = count};

		for (uint32_t i = 0; i < count; i++)
			rows[i] = places[slots[i]] - 1;
		error = write_ps(scene, &ps, sink);
	}
	free(places);
	free(rows);
	return error;
}

int csv_save_groups(const struct csv_scene *scene, const struct cs_groups *groups,
                    struct csv_grid *grid, enum csv_form form, struct cs_sink *sink)
{
	struct cs_groups shown = {.count = grid->count};
	uint32_t *places;
	int error = -ENOMEM;

	if (form == CSV_FORM_FOLDED)
		return fold_groups(scene, groups, grid, sink);
	places = places_of(scene);
	shown.groups = calloc((size_t)shown.count + 1, sizeof(*shown.groups));
	if (places && shown.groups) {
		struct cs_ps ps = {.groups = &shown};

		for (uint32_t i = 0; i < shown.count; i++) {
			shown.groups[i] = groups->groups[csv_grid_row_at(grid, i)];
			shown.groups[i].example = places[shown.groups[i].example] - 1;
		}
		error = write_ps(scene, &ps, sink);
	}
	free(places);
	free(shown.groups);
	return error;
}

int csv_save_threads(const struct csv_scene *scene, const uint32_t *ids, uint32_t count,
                     enum csv_form form, struct cs_sink *sink)
{
	struct cs_ps ps = {.threads = ids, .thread_count = count};

	return form == CSV_FORM_JSON ? write_ps(scene, &ps, sink) : -ENOTSUP;
}

int csv_save_rollup(const struct cs_rollup *rollup, struct csv_grid *grid, enum csv_form form,
                    struct cs_sink *sink)
{
	const struct cs_export *export = form == CSV_FORM_JSON ? &cs_export_json
	                                                       : &cs_export_folded;
	struct cs_rollup shown = *rollup;
	struct cs_diag diag = {0};
	int error;

	if (export->needs_stacks && rollup->by != CS_BY_STACK)
		return -ENOTSUP;
	if (export->needs_stacks)
		shown.base = NULL; /* one value a line, as fold writes them */
	if (!grid)
		return export->write(&shown, &everything, sink, &diag);
	shown.count = grid->count;
	shown.entries = calloc((size_t)shown.count + 1, sizeof(*shown.entries));
	if (!shown.entries)
		return -ENOMEM;
	for (uint32_t i = 0; i < shown.count; i++)
		shown.entries[i] = rollup->entries[csv_grid_row_at(grid, i)];
	error = export->write(&shown, &everything, sink, &diag);
	free(shown.entries);
	return error;
}

void csv_save_begin(struct cs_json *json, const struct csv_scene *scene, struct cs_sink *sink)
{
	cs_json_start(json, sink);
	cs_json_object(json, NULL);
	cs_json_int(json, "schema", 1);
	cs_json_uint(json, "time_ns", scene->now->time_ns);
	cs_json_uint(json, "lost_events", scene->now->lost);
	cs_json_uint(json, "unstable", scene->counts.unstable);
}
