/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tallies and coroutines become rows of a snapshot, and rows of any kind items of one metric.
 */
#include "model/items.h"

#include <errno.h>
#include <stdlib.h>

#include "model/coroutine.h"
#include "model/tally.h"

static const uint8_t metric_of[CS_TALLY_KINDS] = {
	[CS_TALLY_CPU] = CS_METRIC_CPU,         [CS_TALLY_WALL] = CS_METRIC_WALL,
	[CS_TALLY_OFFCPU] = CS_METRIC_OFFCPU,   [CS_TALLY_DELAY] = CS_METRIC_DELAY,
	[CS_TALLY_SPAWNED] = CS_METRIC_SPAWNED, [CS_TALLY_CONTENTIONS] = CS_METRIC_CONTENTIONS,
};

/* ---- into the snapshot ---- */

static void add_other(struct cs_snapshot *snapshot, const struct cs_other_row *row)
{
	if (row->value)
		snapshot->others[snapshot->other_count++] = *row;
}

static void add_coroutine(struct cs_snapshot *snapshot, const struct cs_coroutine *coroutine)
{
	struct cs_other_row row = {
		.process = coroutine->process,
		.thread = coroutine->thread,
		.node = coroutine->stack,
		.spawn = coroutine->spawn,
		.metric = CS_METRIC_COROUTINES,
		.value = 1,
		.samples = 1,
	};

	/* The runtime's own are not the program's doing: ps shows them when asked to. */
	if (coroutine->ended_ns || (coroutine->flags & CS_COROUTINE_SYSTEM))
		return;
	add_other(snapshot, &row);
	row.metric = CS_METRIC_STACK_SPACE;
	row.value = coroutine->stack_high - coroutine->stack_low;
	add_other(snapshot, &row);
}

int cs_snapshot_take_others(struct cs_snapshot *snapshot, const struct cs_model *model)
{
	uint32_t tallies = cs_model_tally_count(model);
	uint32_t slots = snapshot->sums_only ? 0 : cs_model_coroutine_slots(model);
	size_t most = tallies + (size_t)slots * 2;

	snapshot->others = calloc(most + 1, sizeof(*snapshot->others));
	if (!snapshot->others)
		return -ENOMEM;
	for (uint32_t id = 1; id <= tallies; id++) {
		const struct cs_tally *tally = cs_model_tally_at(model, id);

		if (tally->kind >= CS_TALLY_KINDS)
			continue; /* of a later version */
		struct cs_other_row row = {
			.process = tally->process,
			.thread = tally->thread,
			.node = tally->node,
			.spawn = tally->spawn,
			.label = tally->label,
			.metric = metric_of[tally->kind],
			.value = tally->value,
			.samples = tally->samples,
		};

		add_other(snapshot, &row);
	}
	for (uint32_t slot = 1; slot <= slots; slot++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, slot);

		if (coroutine)
			add_coroutine(snapshot, coroutine);
	}
	return 0;
}

/* ---- out of it ---- */

int cs_metric_objects(enum cs_metric metric)
{
	switch (metric) {
	case CS_METRIC_INUSE_SPACE:
	case CS_METRIC_INUSE_OBJECTS:
		return CS_METRIC_INUSE_OBJECTS;
	case CS_METRIC_ALLOC_SPACE:
	case CS_METRIC_ALLOC_OBJECTS:
		return CS_METRIC_ALLOC_OBJECTS;
	case CS_METRIC_TEMPORARY_OBJECTS:
		return CS_METRIC_TEMPORARY_OBJECTS;
	default:
		return -1;
	}
}

static void of_heap(const struct cs_snapshot *snapshot, enum cs_metric metric,
                    struct cs_item *items)
{
	int objects = cs_metric_objects(metric);

	for (uint32_t i = 0; i < snapshot->row_count; i++) {
		const struct cs_row *row = &snapshot->rows[i];

		items[i] = (struct cs_item){
			.process = row->process,
			.thread = row->thread,
			.node = row->node,
			.spawn = row->spawn,
			.value = row->value[metric],
			.variance = row->variance[metric],
			.objects = objects < 0 ? 0 : row->value[objects],
			.samples = row->samples[metric],
		};
	}
}

static uint32_t of_others(const struct cs_snapshot *snapshot, enum cs_metric metric,
                          struct cs_item *items)
{
	bool by_samples = cs_metric_info[metric].by_samples;
	uint32_t count = 0;

	for (uint32_t i = 0; i < snapshot->other_count; i++) {
		const struct cs_other_row *row = &snapshot->others[i];
		double value = (double)row->value;

		if (row->metric != metric)
			continue;
		items[count++] = (struct cs_item){
			.process = row->process,
			.thread = row->thread,
			.node = row->node,
			.spawn = row->spawn,
			.label = row->label,
			.value = value,
			/* N samples, each of value/N: as counts vary. */
			.variance = by_samples && row->samples
		                            ? value * value / (double)row->samples
		                            : 0,
			.samples = row->samples,
		};
	}
	return count;
}

int cs_snapshot_items(const struct cs_snapshot *snapshot, enum cs_metric metric,
                      struct cs_item **items, uint32_t *count)
{
	bool heap = metric < CS_METRIC_HEAP_COUNT;

	*count = heap ? snapshot->row_count : snapshot->other_count;
	*items = calloc((size_t)*count + 1, sizeof(**items));
	if (!*items)
		return -ENOMEM;
	if (heap)
		of_heap(snapshot, metric, *items);
	else
		*count = of_others(snapshot, metric, *items);
	return 0;
}

/* ---- by coroutine ---- */

bool cs_metric_is_of_coroutines(enum cs_metric metric)
{
	switch (metric) {
	case CS_METRIC_INUSE_SPACE:
	case CS_METRIC_INUSE_OBJECTS:
	case CS_METRIC_ALLOC_SPACE:
	case CS_METRIC_ALLOC_OBJECTS:
	case CS_METRIC_CPU:
	case CS_METRIC_COROUTINES:
	case CS_METRIC_STACK_SPACE:
		return true;
	default:
		return false;
	}
}

static void of_own_heap(const struct cs_coroutine_heap *heap, enum cs_metric metric,
                        struct cs_item *item)
{
	bool inuse = cs_metric_objects(metric) == CS_METRIC_INUSE_OBJECTS;
	bool space = metric == CS_METRIC_INUSE_SPACE || metric == CS_METRIC_ALLOC_SPACE;
	uint64_t bytes = inuse ? heap->inuse_bytes : heap->alloc_bytes;
	uint64_t objects = inuse ? heap->inuse_objects : heap->alloc_objects;
	double bytes_var = inuse ? heap->inuse_bytes_var : heap->alloc_bytes_var;
	double objects_var = inuse ? heap->inuse_objects_var : heap->alloc_objects_var;

	item->objects = (double)objects / (double)CS_OBJECT;
	item->value = space ? (double)bytes : item->objects;
	item->variance = space ? bytes_var : objects_var;
	item->samples = inuse ? heap->live_samples : heap->samples;
}

static struct cs_item of_coroutine(const struct cs_coroutine *coroutine, enum cs_metric metric)
{
	struct cs_item item = {.process = coroutine->process, .spawn = coroutine->spawn};
	bool counts = !coroutine->ended_ns && !(coroutine->flags & CS_COROUTINE_SYSTEM);

	if (metric < CS_METRIC_HEAP_COUNT && coroutine->heap)
		of_own_heap(coroutine->heap, metric, &item);
	if (metric == CS_METRIC_CPU && coroutine->cpu_ns != CS_UNKNOWN)
		item.value = (double)coroutine->cpu_ns;
	if (metric == CS_METRIC_COROUTINES && counts)
		item.value = 1;
	if (metric == CS_METRIC_STACK_SPACE && counts)
		item.value = (double)(coroutine->stack_high - coroutine->stack_low);
	return item;
}

/* Heaps of those that have gone, with all their blocks, are in no slot any more. */
static void take_from(struct cs_item *rest, const struct cs_item *item)
{
	rest->value -= item->value;
	rest->objects -= item->objects;
	rest->variance -= item->variance;
	rest->samples -= rest->samples < item->samples ? rest->samples : item->samples;
}

static void hold_at_0(struct cs_item *item)
{
	if (item->value < 0)
		item->value = 0;
	if (item->objects < 0)
		item->objects = 0;
	if (item->variance < 0)
		item->variance = 0;
}

int cs_snapshot_coroutine_items(const struct cs_snapshot *snapshot, enum cs_metric metric,
                                struct cs_item **items, uint32_t *count)
{
	uint32_t processes = cs_model_process_count(snapshot->model);
	struct cs_item *all = NULL, *rests;
	uint32_t heaps = 0;
	int error = 0;

	*count = processes + snapshot->coroutine_count;
	*items = calloc((size_t)*count + 1, sizeof(**items));
	if (!*items)
		return -ENOMEM;
	rests = *items;
	/* The time that a coroutine ran is its own; what samples say of threads is another sum. */
	if (metric < CS_METRIC_HEAP_COUNT)
		error = cs_snapshot_items(snapshot, metric, &all, &heaps);
	for (uint32_t i = 0; i < processes; i++)
		rests[i].process = i + 1;
	for (uint32_t i = 0; i < heaps && !error; i++) {
		struct cs_item *rest = &rests[all[i].process - 1];

		rest->value += all[i].value;
		rest->objects += all[i].objects;
		rest->variance += all[i].variance;
		rest->samples += all[i].samples;
	}
	free(all);
	for (uint32_t i = 0; i < snapshot->coroutine_count && !error; i++) {
		struct cs_item *item = &(*items)[processes + i];

		*item = of_coroutine(&snapshot->coroutines[i], metric);
		item->coroutine = i + 1;
		take_from(&rests[item->process - 1], item);
	}
	for (uint32_t i = 0; i < processes; i++)
		hold_at_0(&rests[i]);
	return error;
}

bool cs_snapshot_holds(const struct cs_snapshot *snapshot, enum cs_metric metric)
{
	if (metric < CS_METRIC_HEAP_COUNT) {
		for (uint32_t i = 0; i < snapshot->row_count; i++)
			if (snapshot->rows[i].value[metric] > 0)
				return true;
		return false;
	}
	for (uint32_t i = 0; i < snapshot->other_count; i++)
		if (snapshot->others[i].metric == metric)
			return true;
	return false;
}
