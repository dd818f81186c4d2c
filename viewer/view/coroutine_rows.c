/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling: which coroutines are there and, for the tree, below whom each one stands. A parent
 * that has ended, or was never seen, leaves its children at the top.
 */
#include "view/coroutine_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/index.h"

/* Children of a slot, as lists through arrays by slot id; 0 ends them. */
struct family {
	uint32_t *first, *next;
	bool *placed;
	struct cs_index index;
	uint32_t slots;
};

const struct cs_coroutine *csv_coroutine_of(const struct csv_coroutine_rows *rows, uint32_t row)
{
	return cs_model_coroutine_at(rows->scene->now->model, rows->rows[row].id);
}

static uint64_t identity_of(const struct cs_coroutine *coroutine)
{
	return (uint64_t)coroutine->runtime << 48 ^ coroutine->number;
}

static bool is_shown(const struct csv_scene *scene, const struct cs_coroutine *coroutine)
{
	return coroutine && !coroutine->ended_ns &&
	       (scene->system || !(coroutine->flags & CS_COROUTINE_SYSTEM));
}

static int make_room(struct csv_coroutine_rows *rows, uint32_t count)
{
	struct csv_coroutine_row *more;

	if (count <= rows->room)
		return 0;
	more = realloc(rows->rows, count * sizeof(*more));
	if (!more)
		return -ENOMEM;
	rows->rows = more;
	rows->room = count;
	return 0;
}

/* ---- the tree ---- */

static uint32_t key_hash(uint32_t process, uint32_t runtime, uint64_t number)
{
	return cs_hash_pair((uint64_t)process << 32 | runtime, number);
}

static uint32_t find(const struct family *family, const struct cs_model *model,
                     const struct cs_coroutine *child)
{
	struct cs_probe probe =
		cs_index_probe(&family->index, key_hash(child->process, child->parent_runtime,
	                                                child->parent_number));
	uint32_t id;

	while ((id = cs_probe_next(&probe))) {
		const struct cs_coroutine *parent = cs_model_coroutine_at(model, id);

		if (parent->process == child->process && parent->runtime == child->parent_runtime &&
		    parent->number == child->parent_number)
			return id;
	}
	return 0;
}

static void family_release(struct family *family)
{
	free(family->first);
	free(family->next);
	free(family->placed);
	cs_index_free(&family->index);
}

static int family_make(struct family *family, const struct csv_scene *scene)
{
	const struct cs_model *model = scene->now->model;

	family->slots = cs_model_coroutine_slots(model);
	family->first = calloc(family->slots + 1, sizeof(*family->first));
	family->next = calloc(family->slots + 1, sizeof(*family->next));
	family->placed = calloc(family->slots + 1, sizeof(*family->placed));
	if (!family->first || !family->next || !family->placed)
		return -ENOMEM;
	for (uint32_t id = 1; id <= family->slots; id++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);

		if (is_shown(scene, coroutine) &&
		    cs_index_add(&family->index,
		                 key_hash(coroutine->process, coroutine->runtime,
		                          coroutine->number),
		                 id))
			return -ENOMEM;
	}
	/* From the last to the first, so that lists run from the oldest slot on. */
	for (uint32_t id = family->slots; id > 0; id--) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);
		uint32_t parent = 0;

		if (!is_shown(scene, coroutine))
			continue;
		if (coroutine->parent_number)
			parent = find(family, model, coroutine);
		if (parent == id)
			parent = 0;
		family->next[id] = family->first[parent];
		family->first[parent] = id;
	}
	return 0;
}

static bool is_folded(const struct csv_coroutine_rows *rows, const struct cs_coroutine *coroutine)
{
	for (uint32_t i = 0; i < rows->folded_count; i++)
		if (rows->folded[i] == identity_of(coroutine))
			return true;
	return false;
}

/* A hostile trace may hold a ring of parents: PLACED stops at what has a row already. */
static void place(struct csv_coroutine_rows *rows, struct family *family, uint32_t top)
{
	const struct cs_model *model = rows->scene->now->model;
	uint32_t id = top, depth = 0;
	uint32_t path[64] = {0}; /* deeper ones stand at the last depth */

	while (id || depth) {
		if (!id) {
			id = family->next[path[--depth]];
			continue;
		}
		if (family->placed[id]) {
			id = family->next[id];
			continue;
		}
		family->placed[id] = true;
		struct csv_coroutine_row *row = &rows->rows[rows->count++];

		*row = (struct csv_coroutine_row){
			.id = id,
			.depth = (uint16_t)depth,
			.last = !family->next[id],
			.children = family->first[id] != 0,
			.folded = is_folded(rows, cs_model_coroutine_at(model, id)),
		};
		if (row->children && !row->folded && depth < 63) {
			path[depth++] = id;
			id = family->first[id];
		} else {
			id = family->next[id];
		}
	}
}

static int fill_tree(struct csv_coroutine_rows *rows)
{
	struct family family = {0};
	int error = family_make(&family, rows->scene);

	if (!error)
		place(rows, &family, family.first[0]);
	/* What stands in a ring of parents has no way up to the top. */
	for (uint32_t id = 1; !error && id <= family.slots; id++) {
		const struct cs_coroutine *coroutine =
			cs_model_coroutine_at(rows->scene->now->model, id);
		uint32_t parent;

		if (!is_shown(rows->scene, coroutine) || family.placed[id])
			continue;
		parent = find(&family, rows->scene->now->model, coroutine);
		if (parent && family.placed[parent])
			continue; /* below a folded one */
		family.next[id] = 0;
		place(rows, &family, id);
	}
	family_release(&family);
	return error;
}

int csv_coroutine_rows_fill(struct csv_coroutine_rows *rows, const struct csv_scene *scene,
                            bool tree)
{
	const struct cs_model *model = scene->now->model;
	uint32_t slots = cs_model_coroutine_slots(model);

	rows->scene = scene;
	rows->count = 0;
	if (make_room(rows, slots))
		return -ENOMEM;
	if (tree)
		return fill_tree(rows);
	for (uint32_t id = 1; id <= slots; id++)
		if (is_shown(scene, cs_model_coroutine_at(model, id)))
			rows->rows[rows->count++] = (struct csv_coroutine_row){.id = id};
	return 0;
}

void csv_coroutine_rows_release(struct csv_coroutine_rows *rows)
{
	free(rows->rows);
	memset(rows, 0, sizeof(*rows));
}

void csv_coroutine_fold(struct csv_coroutine_rows *rows, uint32_t row)
{
	uint64_t identity = identity_of(csv_coroutine_of(rows, row));

	for (uint32_t i = 0; i < rows->folded_count; i++) {
		if (rows->folded[i] == identity) {
			rows->folded[i] = rows->folded[--rows->folded_count];
			return;
		}
	}
	if (rows->rows[row].children && rows->folded_count < CSV_FOLDED_MAX)
		rows->folded[rows->folded_count++] = identity;
}
