/* SPDX-License-Identifier: Apache-2.0 */
/* Coroutines that stand alike are one row: a million make some hundred. */
#include "view/census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/index.h"
#include "base/list.h"

static bool is_same(const struct csv_census_row *a, const struct csv_census_row *b)
{
	return a->node == b->node && a->runtime == b->runtime && a->process == b->process &&
	       a->state == b->state;
}

static struct csv_census_row *row_of(struct csv_census *census, size_t *room,
                                     struct cs_index *index, const struct csv_census_row *key)
{
	uint32_t hash = cs_hash_pair((uint64_t)key->process << 32 | key->runtime,
	                             (uint64_t)key->state << 32 | key->node);
	struct cs_probe probe = cs_index_probe(index, hash);
	void *rows = census->rows;
	uint32_t id;

	while ((id = cs_probe_next(&probe)))
		if (is_same(&census->rows[id - 1], key))
			return &census->rows[id - 1];
	if (cs_array_reserve(&rows, room, sizeof(*census->rows), census->count + 1))
		return NULL;
	census->rows = rows;
	if (cs_index_add(index, hash, census->count + 1))
		return NULL;
	census->rows[census->count] = *key;
	return &census->rows[census->count++];
}

int csv_census_take(struct csv_census *census, const struct cs_model *model)
{
	struct cs_index index = {0};
	size_t room = 0;
	int error = 0;

	csv_census_release(census);
	for (uint32_t id = 1; !error && id <= cs_model_coroutine_slots(model); id++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);
		struct csv_census_row *row;

		if (!coroutine || coroutine->ended_ns)
			continue;
		const struct csv_census_row key = {
			.process = coroutine->process,
			.runtime = coroutine->runtime,
			.node = coroutine->stack,
			.state = coroutine->stack ? 0 : coroutine->state,
		};

		row = row_of(census, &room, &index, &key);
		if (!row) {
			error = -ENOMEM;
			break;
		}
		row->count++;
		row->system += (coroutine->flags & CS_COROUTINE_SYSTEM) != 0;
	}
	cs_index_free(&index);
	if (error)
		csv_census_release(census);
	census->known = !error;
	census->time_ns = cs_model_now(model);
	return error;
}

void csv_census_release(struct csv_census *census)
{
	free(census->rows);
	memset(census, 0, sizeof(*census));
}
