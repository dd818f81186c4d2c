/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a trace says is checked here before it becomes part of the model: every id that is
 * mentioned exists, every number can be calculated with.
 */
#include "model/restore.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/state.h"

int cs_model_restore_process(struct cs_model *model, const struct cs_process *process)
{
	return cs_model_process(model, process) ? 0 : -ENOMEM;
}

int cs_model_restore_thread(struct cs_model *model, const struct cs_thread *thread)
{
	struct cs_thread_entry *entry;

	if (!cs_process_entry(model, thread->process))
		return -EINVAL;
	if (cs_dirty_reserve(&model->dirty_threads, model->threads.count + 1))
		return -ENOMEM;
	entry = cs_list_push(&model->threads);
	if (!entry)
		return -ENOMEM;
	entry->thread = *thread;
	return 0;
}

int cs_model_restore_module(struct cs_model *model, const struct cs_module *module)
{
	struct cs_module *added;
	char *path = strdup(module->path ? module->path : "");

	if (!path)
		return -ENOMEM;
	added = cs_list_push(&model->modules.list);
	if (!added) {
		free(path);
		return -ENOMEM;
	}
	*added = *module;
	added->path = path;
	return 0;
}

int cs_model_restore_frame(struct cs_model *model, const struct cs_frame *frame)
{
	struct cs_frame *added;

	if (frame->module > model->modules.list.count)
		return -EINVAL;
	added = cs_list_push(&model->frames.list);
	if (!added)
		return -ENOMEM;
	*added = *frame;
	return 0;
}

int cs_model_restore_node(struct cs_model *model, const struct cs_node *node)
{
	struct cs_node *added;

	/* A parent is older than its child: a path to the root always ends. */
	if (node->parent > model->nodes.list.count || !node->frame ||
	    node->frame > model->frames.list.count)
		return -EINVAL;
	added = cs_list_push(&model->nodes.list);
	if (!added)
		return -ENOMEM;
	*added = *node;
	return 0;
}

int cs_model_restore_cell(struct cs_model *model, const struct cs_cell *key)
{
	struct cs_cell *added;

	if (!cs_process_entry(model, key->process) || key->thread > model->threads.count ||
	    key->node > model->nodes.list.count || key->spawn > model->nodes.list.count)
		return -EINVAL;
	if (cs_dirty_reserve(&model->dirty_cells, model->cells.list.count + 1))
		return -ENOMEM;
	added = cs_list_push(&model->cells.list);
	if (!added)
		return -ENOMEM;
	added->process = key->process;
	added->thread = key->thread;
	added->node = key->node;
	added->spawn = key->spawn;
	return 0;
}

static bool is_variance(double value)
{
	return isfinite(value) && value >= 0;
}

int cs_model_restore_sum(struct cs_model *model, uint32_t id, const struct cs_cell *from)
{
	struct cs_cell *cell = cs_cell_entry(model, id);
	const struct cs_heap_sum *sum = &from->sum;

	if (!cell || sum->free_bytes > sum->alloc_bytes || sum->free_objects > sum->alloc_objects ||
	    !is_variance(sum->alloc_bytes_var) || !is_variance(sum->alloc_objects_var) ||
	    !is_variance(sum->free_bytes_var) || !is_variance(sum->free_objects_var) ||
	    !is_variance(from->peak_bytes_var) || !is_variance(from->peak_objects_var))
		return -EINVAL;
	cell->sum = *sum;
	cell->peak_epoch = from->peak_epoch;
	cell->peak_bytes = from->peak_bytes;
	cell->peak_objects = from->peak_objects;
	cell->peak_samples = from->peak_samples;
	cell->peak_bytes_var = from->peak_bytes_var;
	cell->peak_objects_var = from->peak_objects_var;
	return 0;
}

/* Moves cells' peaks from "as now" to "as written", so that sums may change under them. */
static void fix_peak(const struct cs_model *model, struct cs_cell *cell)
{
	const struct cs_process *process = cs_model_process_at(model, cell->process);

	cs_cell_keep_peak(process, cell);
}

static uint64_t minus(uint64_t value, uint64_t base)
{
	return value > base ? value - base : 0;
}

static void sum_subtract(struct cs_heap_sum *sum, const struct cs_heap_sum *base)
{
	sum->alloc_objects = minus(sum->alloc_objects, base->alloc_objects);
	sum->alloc_bytes = minus(sum->alloc_bytes, base->alloc_bytes);
	sum->free_objects = minus(sum->free_objects, base->free_objects);
	sum->free_bytes = minus(sum->free_bytes, base->free_bytes);
	sum->temporary_objects = minus(sum->temporary_objects, base->temporary_objects);
	sum->samples = minus(sum->samples, base->samples);
	sum->live_samples = minus(sum->live_samples, base->live_samples);
	sum->alloc_objects_var = fmax(0, sum->alloc_objects_var - base->alloc_objects_var);
	sum->alloc_bytes_var = fmax(0, sum->alloc_bytes_var - base->alloc_bytes_var);
	sum->free_objects_var = fmax(0, sum->free_objects_var - base->free_objects_var);
	sum->free_bytes_var = fmax(0, sum->free_bytes_var - base->free_bytes_var);
}

static void subtract_tallies(struct cs_model *model, const struct cs_model *base)
{
	for (uint32_t id = 1; id <= cs_model_tally_count(model); id++) {
		const struct cs_tally *tally = cs_model_tally_at(model, id);
		const struct cs_tally *before = cs_model_tally_at(base, id);

		if (before)
			(void)cs_model_restore_tally_sum(model, id,
			                                 minus(tally->value, before->value),
			                                 minus(tally->samples, before->samples));
	}
}

void cs_model_subtract(struct cs_model *model, const struct cs_model *base)
{
	uint32_t count = cs_model_cell_count(model);

	subtract_tallies(model, base);

	for (uint32_t id = 1; id <= count; id++) {
		struct cs_cell *cell = cs_cell_entry(model, id);
		const struct cs_cell *before = cs_cell_entry(base, id);

		fix_peak(model, cell);
		if (before)
			sum_subtract(&cell->sum, &before->sum);
	}
}
