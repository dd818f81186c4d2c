/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines, threads and figures as a snapshot keeps them: copies, without holes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/items.h"

static char *copy_text(struct cs_snapshot *snapshot, const char *text)
{
	return text ? cs_arena_text(&snapshot->texts, text) : NULL;
}

static int copy_coroutine(struct cs_snapshot *snapshot, const struct cs_coroutine *from)
{
	struct cs_coroutine *to = &snapshot->coroutines[snapshot->coroutine_count++];

	*to = *from;
	to->name = copy_text(snapshot, from->name);
	to->labels = copy_text(snapshot, from->labels);
	if (from->heap) {
		to->heap = cs_arena_take(&snapshot->texts, sizeof(*to->heap));
		if (to->heap)
			*to->heap = *from->heap;
	}
	return !to->name == !from->name && !to->labels == !from->labels && !to->heap == !from->heap
	               ? 0
	               : -ENOMEM;
}

static int take_coroutines(struct cs_snapshot *snapshot, const struct cs_model *model,
                           uint32_t *place)
{
	uint32_t slots = cs_model_coroutine_slots(model), used = 0;
	int error = 0;

	for (uint32_t id = 1; id <= slots; id++)
		used += cs_model_coroutine_at(model, id) != NULL;
	snapshot->coroutines = calloc((size_t)used + 1, sizeof(*snapshot->coroutines));
	if (!snapshot->coroutines)
		return -ENOMEM;
	for (uint32_t id = 1; id <= slots && !error; id++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);

		if (!coroutine)
			continue;
		error = copy_coroutine(snapshot, coroutine);
		place[id] = snapshot->coroutine_count;
	}
	return error;
}

/* A slot that was used again since the thread was told to run who was in it says nothing. */
static uint32_t runs(const struct cs_snapshot *snapshot, const struct cs_model *model,
                     const uint32_t *place, uint32_t id)
{
	uint32_t slot = cs_model_thread_at(model, id)->coroutine;
	const struct cs_coroutine *coroutine;

	if (!slot || slot > cs_model_coroutine_slots(model) || !place[slot])
		return 0;
	coroutine = &snapshot->coroutines[place[slot] - 1];
	if (coroutine->ended_ns || (coroutine->thread && coroutine->thread != id))
		return 0;
	return place[slot];
}

static int take_threads(struct cs_snapshot *snapshot, const struct cs_model *model,
                        const uint32_t *place)
{
	uint32_t count = cs_model_thread_count(model);

	snapshot->threads = calloc((size_t)count + 1, sizeof(*snapshot->threads));
	if (!snapshot->threads)
		return -ENOMEM;
	for (uint32_t id = 1; id <= count; id++) {
		struct cs_thread *thread = &snapshot->threads[id - 1];

		*thread = *cs_model_thread_at(model, id);
		thread->coroutine = runs(snapshot, model, place, id);
	}
	snapshot->thread_count = count;
	return 0;
}

static int take_figures(struct cs_snapshot *snapshot, const struct cs_model *model)
{
	uint32_t count = cs_model_figure_count(model);

	snapshot->figures = calloc((size_t)count + 1, sizeof(*snapshot->figures));
	if (!snapshot->figures)
		return -ENOMEM;
	for (uint32_t id = 1; id <= count; id++)
		snapshot->figures[id - 1] = *cs_model_figure_at(model, id);
	return 0;
}

int cs_snapshot_take_states(struct cs_snapshot *snapshot, const struct cs_model *model)
{
	uint32_t *place = calloc((size_t)cs_model_coroutine_slots(model) + 1, sizeof(*place));
	int error = place ? take_coroutines(snapshot, model, place) : -ENOMEM;

	if (!error)
		error = take_threads(snapshot, model, place);
	if (!error)
		error = take_figures(snapshot, model);
	free(place);
	return error;
}
