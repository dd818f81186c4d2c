/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of each slot it is remembered who was in it and who that one's parent was. Only who came since
 * then is looked up; that a parent still lives is seen by what is remembered of its own slot.
 */
#include "view/living.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t key_hash(uint32_t process, uint32_t runtime, uint64_t number)
{
	return cs_hash_pair((uint64_t)process << 32 | runtime, number);
}

static int make_room(struct csv_living *living, uint32_t slots)
{
	uint32_t room = slots + slots / 8 + 16;
	struct csv_place *places;
	uint32_t *ids;

	if (slots <= living->slots)
		return 0;
	ids = realloc(living->ids, room * sizeof(*ids));
	if (ids)
		living->ids = ids;
	places = realloc(living->places, (room + 1) * sizeof(*places));
	if (places)
		living->places = places;
	if (!ids || !places)
		return -ENOMEM;
	memset(places + (living->slots ? living->slots + 1 : 0), 0,
	       (room + 1 - (living->slots ? living->slots + 1 : 0)) * sizeof(*places));
	living->slots = room;
	return 0;
}

/* ---- who is in a slot ---- */

static void count(struct csv_counts *counts, const struct cs_coroutine *coroutine, bool *switches)
{
	bool system = coroutine->flags & CS_COROUTINE_SYSTEM;

	counts->all++;
	counts->system += system;
	counts->states[coroutine->state]++;
	counts->system_states[coroutine->state] += system;
	counts->unstable += (coroutine->flags & CS_COROUTINE_UNSTABLE) != 0;
	if (coroutine->flags & CS_COROUTINE_OBSERVED && coroutine->observed_ns != CS_UNKNOWN &&
	    coroutine->observed_ns > counts->seen_ns)
		counts->seen_ns = coroutine->observed_ns;
	if (coroutine->switches != CS_UNKNOWN) {
		counts->switches += coroutine->switches;
		*switches = true;
	}
}

static int settle(struct csv_living *living, uint32_t id, const struct cs_coroutine *coroutine)
{
	struct csv_place *place = &living->places[id];
	struct csv_place next = {
		.lives = coroutine != NULL,
		.system = coroutine && coroutine->flags & CS_COROUTINE_SYSTEM,
	};
	int error = 0;

	if (coroutine) {
		next.number = coroutine->number;
		next.hash = key_hash(coroutine->process, coroutine->runtime, coroutine->number);
		next.parent_number = coroutine->parent_number;
		next.parent_hash = key_hash(coroutine->process, coroutine->parent_runtime,
		                            coroutine->parent_number);
	}
	if (place->lives == next.lives && place->hash == next.hash &&
	    place->number == next.number) {
		place->parent_number = next.parent_number;
		place->parent_hash = next.parent_hash;
		place->system = next.system;
		return 0;
	}
	if (place->lives)
		cs_index_remove(&living->index, place->hash, id);
	*place = next;
	if (coroutine)
		error = cs_index_add(&living->index, place->hash, id);
	place->lives &= !error;
	return error;
}

/* ---- below whom ---- */

static uint32_t find(const struct csv_living *living, const struct cs_model *model, uint32_t id)
{
	const struct csv_place *place = &living->places[id];
	const struct cs_coroutine *child = cs_model_coroutine_at(model, id);
	struct cs_probe probe = cs_index_probe(&living->index, place->parent_hash);
	uint32_t found;

	while ((found = cs_probe_next(&probe))) {
		const struct cs_coroutine *parent;

		if (living->places[found].number != place->parent_number)
			continue;
		parent = cs_model_coroutine_at(model, found);
		if (parent && parent->process == child->process &&
		    parent->runtime == child->parent_runtime)
			return found == id ? 0 : found;
	}
	return 0;
}

static void find_parent(struct csv_living *living, const struct cs_model *model, uint32_t id)
{
	struct csv_place *place = &living->places[id];
	const struct csv_place *known = &living->places[place->parent];

	if (!place->parent_number)
		place->parent = 0;
	else if (!place->parent || !known->lives || known->hash != place->parent_hash ||
	         known->number != place->parent_number)
		place->parent = find(living, model, id);
}

uint32_t csv_living_find(const struct csv_living *living, const struct cs_model *model,
                         const struct csv_who *who)
{
	struct cs_probe probe =
		cs_index_probe(&living->index, key_hash(who->process, who->runtime, who->number));
	uint32_t id;

	while ((id = cs_probe_next(&probe))) {
		const struct cs_coroutine *found = cs_model_coroutine_at(model, id);

		if (found && found->number == who->number && found->process == who->process &&
		    found->runtime == who->runtime)
			return id;
	}
	return 0;
}

struct csv_counts csv_counts_shown(const struct csv_scene *scene)
{
	struct csv_counts counts = scene->counts;

	if (scene->system)
		return counts;
	counts.all -= counts.system;
	for (int i = 0; i < CS_COROUTINE_STATES; i++)
		counts.states[i] -= counts.system_states[i];
	return counts;
}

int csv_living_take(struct csv_living *living, struct csv_counts *counts,
                    const struct cs_model *model, const struct cs_pace *pace)
{
	uint32_t slots = cs_model_coroutine_slots(model);
	bool switches = false;
	int error = make_room(living, slots);

	memset(counts, 0, sizeof(*counts));
	living->count = 0;
	for (uint32_t id = 1; !error && id <= living->slots; id++) {
		const struct cs_coroutine *coroutine =
			id <= slots ? cs_model_coroutine_at(model, id) : NULL;

		if (coroutine && (coroutine->ended_ns || coroutine->state >= CS_COROUTINE_STATES))
			coroutine = NULL;
		error = settle(living, id, coroutine);
		if (!error)
			error = cs_pace_step(pace, id);
		if (error || !coroutine)
			continue;
		count(counts, coroutine, &switches);
		living->ids[living->count++] = id;
	}
	if (!switches)
		counts->switches = CS_UNKNOWN;
	for (uint32_t i = 0; !error && i < living->count; i++) {
		find_parent(living, model, living->ids[i]);
		error = cs_pace_step(pace, i);
	}
	if (error)
		csv_living_release(living);
	return error;
}

void csv_living_release(struct csv_living *living)
{
	cs_index_free(&living->index);
	free(living->ids);
	free(living->places);
	memset(living, 0, sizeof(*living));
}
