/* SPDX-License-Identifier: Apache-2.0 */
#include "view/census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/index.h"
#include "base/list.h"

void csv_counts_take(struct csv_counts *counts, const struct cs_model *model)
{
	bool switches = false;

	memset(counts, 0, sizeof(*counts));
	for (uint32_t id = 1; id <= cs_model_coroutine_slots(model); id++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);
		bool system;

		if (!coroutine || coroutine->ended_ns || coroutine->state >= CS_COROUTINE_STATES)
			continue;
		system = coroutine->flags & CS_COROUTINE_SYSTEM;
		counts->all++;
		counts->system += system;
		counts->states[coroutine->state]++;
		counts->system_states[coroutine->state] += system;
		counts->unstable += (coroutine->flags & CS_COROUTINE_UNSTABLE) != 0;
		if (coroutine->switches != CS_UNKNOWN) {
			counts->switches += coroutine->switches;
			switches = true;
		}
	}
	if (!switches)
		counts->switches = CS_UNKNOWN;
}

/* ---- census ---- */

static struct csv_census_row *row_of(struct csv_census *census, size_t *room,
                                     struct cs_index *index, uint32_t node, uint32_t reason)
{
	uint32_t hash = cs_hash_pair(node, reason), id;
	struct cs_probe probe = cs_index_probe(index, hash);
	void *rows = census->rows;

	while ((id = cs_probe_next(&probe)))
		if (census->rows[id - 1].node == node && census->rows[id - 1].reason == reason)
			return &census->rows[id - 1];
	if (cs_array_reserve(&rows, room, sizeof(*census->rows), census->count + 1))
		return NULL;
	census->rows = rows;
	if (cs_index_add(index, hash, census->count + 1))
		return NULL;
	census->rows[census->count] = (struct csv_census_row){.node = node, .reason = reason};
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
		row = row_of(census, &room, &index, coroutine->stack, coroutine->reason);
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
