/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling: which coroutines are there and, for the tree, below whom each one stands. A parent
 * that has ended, or was never seen, leaves its children at the top.
 */
#include "view/coroutine_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Children of a slot, as lists through arrays by slot id; 0 ends them. */
struct family {
	uint32_t *first, *next;
	bool *placed;
};

const struct cs_coroutine *csv_coroutine_of(const struct csv_coroutine_rows *rows, uint32_t row)
{
	return cs_model_coroutine_at(rows->scene->now->model, rows->rows[row].id);
}

static uint64_t identity_of(const struct cs_coroutine *coroutine)
{
	return (uint64_t)coroutine->runtime << 48 ^ coroutine->number;
}

/* Only where there are some is every one asked whether it is the runtime's own. */
static bool hides_some(const struct csv_scene *scene)
{
	return !scene->system && scene->counts.system;
}

static bool is_hidden(const struct csv_scene *scene, uint32_t id)
{
	return scene->living.places[id].system;
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

static void family_release(struct family *family)
{
	free(family->first);
	free(family->next);
	free(family->placed);
}

static int family_make(struct family *family, const struct csv_scene *scene,
                       const struct cs_pace *pace)
{
	const struct csv_living *living = &scene->living;
	size_t slots = (size_t)living->slots + 1;
	bool some = hides_some(scene);
	int error = 0;

	family->first = calloc(slots, sizeof(*family->first));
	family->next = malloc(slots * sizeof(*family->next));
	family->placed = calloc(slots, sizeof(*family->placed));
	if (!family->first || !family->next || !family->placed)
		return -ENOMEM;
	/* From the last to the first, so that lists run from the oldest slot on. */
	for (uint32_t i = living->count; !error && i-- > 0;) {
		uint32_t id = living->ids[i], parent = living->places[id].parent;

		error = cs_pace_step(pace, i);
		if (some && is_hidden(scene, id))
			continue;
		if (some && parent && is_hidden(scene, parent))
			parent = 0;
		family->next[id] = family->first[parent];
		family->first[parent] = id;
	}
	return error;
}

static bool is_folded(const struct csv_coroutine_rows *rows, uint32_t id)
{
	const struct cs_coroutine *coroutine;

	if (!rows->folded_count)
		return false;
	coroutine = cs_model_coroutine_at(rows->scene->now->model, id);
	for (uint32_t i = 0; i < rows->folded_count; i++)
		if (rows->folded[i] == identity_of(coroutine))
			return true;
	return false;
}

static void put_row(struct csv_coroutine_rows *rows, const struct family *family, uint32_t id,
                    uint32_t depth)
{
	rows->rows[rows->count++] = (struct csv_coroutine_row){
		.id = id,
		.depth = (uint16_t)(depth < UINT16_MAX ? depth : UINT16_MAX),
		.children = family->first[id] != 0,
		.folded = family->first[id] && is_folded(rows, id),
	};
}

/*
 * TOP, all below it and, with SIBLINGS, those beside it. What is below a folded one is placed
 * without a row. A hostile trace may hold a ring of parents: it ends at what is placed already.
 */
static int place(struct csv_coroutine_rows *rows, struct family *family, uint32_t top,
                 bool siblings, const struct cs_pace *pace)
{
	const struct csv_place *places = rows->scene->living.places;
	uint32_t id = top, depth = 0, folded = UINT32_MAX; /* depth of the folded one above */
	uint32_t steps = 0;
	int error = 0;

	while (id && !(error = cs_pace_step(pace, steps++))) {
		if (!family->placed[id]) {
			family->placed[id] = true;
			if (depth <= folded) {
				put_row(rows, family, id, depth);
				folded = rows->rows[rows->count - 1].folded ? depth : UINT32_MAX;
			}
			if (family->first[id]) {
				id = family->first[id];
				depth++;
				continue;
			}
		}
		while (depth && !family->next[id]) {
			id = places[id].parent;
			depth--;
		}
		id = depth || siblings ? family->next[id] : 0;
	}
	return error;
}

static int fill_tree(struct csv_coroutine_rows *rows, const struct cs_pace *pace)
{
	const struct csv_scene *scene = rows->scene;
	const struct csv_living *living = &scene->living;
	struct family family = {0};
	int error = family_make(&family, scene, pace);

	if (!error)
		error = place(rows, &family, family.first[0], true, pace);
	/* What stands in a ring of parents has no way up to the top. */
	for (uint32_t i = 0; !error && i < living->count; i++) {
		uint32_t id = living->ids[i];

		if (!family.placed[id] && !(hides_some(scene) && is_hidden(scene, id)))
			error = place(rows, &family, id, false, pace);
	}
	family_release(&family);
	return error;
}

int csv_coroutine_rows_fill(struct csv_coroutine_rows *rows, const struct csv_scene *scene,
                            bool tree, const struct cs_pace *pace)
{
	const struct csv_living *living = &scene->living;
	bool some = hides_some(scene);
	int error = 0;

	rows->scene = scene;
	rows->count = 0;
	if (make_room(rows, living->count))
		return -ENOMEM;
	if (tree)
		error = fill_tree(rows, pace);
	for (uint32_t i = 0; !tree && !error && i < living->count; i++) {
		if (!some || !is_hidden(scene, living->ids[i]))
			rows->rows[rows->count++] =
				(struct csv_coroutine_row){.id = living->ids[i]};
		error = cs_pace_step(pace, i);
	}
	if (error)
		rows->count = 0;
	return error;
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

void csv_coroutine_fold_as(struct csv_coroutine_rows *rows, const struct csv_coroutine_rows *other)
{
	memcpy(rows->folded, other->folded, sizeof(rows->folded));
	rows->folded_count = other->folded_count;
}
