/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a trace says of coroutines, tallies and figures, checked as in restore.c. The index of
 * coroutines is given up: it is made again when somebody looks for a key.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/restore.h"
#include "model/state.h"

/* ---- definitions ---- */

int cs_model_restore_text(struct cs_model *model, const char *text)
{
	char *copy = strdup(text), **added = copy ? cs_list_push(&model->texts.list) : NULL;

	if (!added) {
		free(copy);
		return -ENOMEM;
	}
	*added = copy;
	return 0;
}

int cs_model_restore_runtime(struct cs_model *model, const struct cs_runtime *runtime)
{
	struct cs_runtime copy = {.process = runtime->process}, *added = NULL;

	if (!cs_process_entry(model, runtime->process))
		return -EINVAL;
	copy.name = strdup(runtime->name ? runtime->name : "?");
	copy.version = runtime->version ? strdup(runtime->version) : NULL;
	if (copy.name && (copy.version || !runtime->version))
		added = cs_list_push(&model->runtimes.list);
	if (!added) {
		free(copy.name);
		free(copy.version);
		return -ENOMEM;
	}
	*added = copy;
	return 0;
}

int cs_model_restore_tally(struct cs_model *model, const struct cs_tally *key)
{
	uint32_t nodes = model->nodes.list.count;
	struct cs_tally *added;

	if (!cs_process_entry(model, key->process) || key->thread > model->threads.count ||
	    key->node > nodes || key->spawn > nodes || key->label > model->texts.list.count ||
	    key->kind > CS_TALLY_KINDS)
		return -EINVAL;
	if (cs_dirty_reserve(&model->dirty_tallies, model->tallies.list.count + 1))
		return -ENOMEM;
	added = cs_list_push(&model->tallies.list);
	if (!added)
		return -ENOMEM;
	*added = *key;
	added->dirty = false;
	return 0;
}

int cs_model_restore_figure(struct cs_model *model, const struct cs_figure *key)
{
	struct cs_figure *added;

	if (!cs_process_entry(model, key->process) || key->name > model->texts.list.count)
		return -EINVAL;
	if (cs_dirty_reserve(&model->dirty_figures, model->figures.list.count + 1))
		return -ENOMEM;
	added = cs_list_push(&model->figures.list);
	if (!added)
		return -ENOMEM;
	*added = (struct cs_figure){.process = key->process, .name = key->name, .unit = key->unit};
	if (added->unit >= CS_UNITS) /* of a later version */
		added->unit = CS_UNIT_COUNT;
	return 0;
}

int cs_model_restore_tally_sum(struct cs_model *model, uint32_t id, uint64_t value,
                               uint64_t samples)
{
	struct cs_tally *tally;

	if (!id || id > model->tallies.list.count)
		return -EINVAL;
	tally = cs_list_at(&model->tallies.list, id - 1);
	tally->value = value;
	tally->samples = samples;
	return 0;
}

int cs_model_restore_figure_value(struct cs_model *model, uint32_t id, double value,
                                  uint64_t time_ns)
{
	struct cs_figure *figure;

	if (!id || id > model->figures.list.count || !isfinite(value))
		return -EINVAL;
	figure = cs_list_at(&model->figures.list, id - 1);
	figure->known = true;
	figure->value = value;
	figure->time_ns = time_ns;
	return 0;
}

/* ---- coroutines ---- */

static struct cs_coroutine *used(const struct cs_model *model, uint32_t id)
{
	return cs_model_coroutine_at(model, id);
}

static uint32_t *alive(const struct cs_model *model, const struct cs_coroutine *coroutine)
{
	return &cs_process_entry(model, coroutine->process)->coroutines;
}

int cs_model_restore_coroutine(struct cs_model *model, const struct cs_coroutine *from,
                               uint32_t *id)
{
	const struct cs_runtime *runtime = cs_model_runtime_at(model, from->runtime);

	if (!cs_process_entry(model, from->process) || !runtime ||
	    runtime->process != from->process)
		return -EINVAL;
	*id = cs_coroutine_place(model, from);
	if (!*id)
		return -ENOMEM;
	model->coroutines.indexed = false;
	++*alive(model, from);
	return cs_model_restore_coroutine_facts(model, *id, from);
}

static int replace_text(char **text, const char *by)
{
	char *copy = by ? strdup(by) : NULL;

	if (by && !copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

int cs_model_restore_coroutine_facts(struct cs_model *model, uint32_t id,
                                     const struct cs_coroutine *from)
{
	struct cs_coroutine *coroutine = used(model, id);

	if (!coroutine || from->parent_runtime > model->runtimes.list.count ||
	    from->entry > model->frames.list.count || from->spawn > model->nodes.list.count ||
	    from->stack_low > from->stack_high)
		return -EINVAL;
	coroutine->parent_runtime = from->parent_runtime;
	coroutine->parent_number = from->parent_number;
	coroutine->entry = from->entry;
	coroutine->spawn = from->spawn;
	coroutine->created_after_ns = from->created_after_ns;
	coroutine->created_ns = from->created_ns;
	coroutine->stack_low = from->stack_low;
	coroutine->stack_high = from->stack_high;
	if (replace_text(&coroutine->name, from->name) ||
	    replace_text(&coroutine->labels, from->labels))
		return -ENOMEM;
	return 0;
}

int cs_model_restore_coroutine_state(struct cs_model *model, uint32_t id,
                                     const struct cs_coroutine *from)
{
	struct cs_coroutine *coroutine = used(model, id);

	if (!coroutine || from->thread > model->threads.count ||
	    from->reason > model->texts.list.count || from->stack > model->nodes.list.count)
		return -EINVAL;
	if (!coroutine->ended_ns != !from->ended_ns) {
		model->coroutines.indexed = false;
		*alive(model, coroutine) += from->ended_ns ? -1u : 1u;
	}
	coroutine->state = from->state < CS_COROUTINE_STATES ? from->state : CS_COROUTINE_UNKNOWN;
	coroutine->flags = from->flags;
	coroutine->thread = from->thread;
	coroutine->reason = from->reason;
	coroutine->stack = from->stack;
	coroutine->since_after_ns = from->since_after_ns;
	coroutine->since_ns = from->since_ns;
	coroutine->observed_ns = from->observed_ns;
	coroutine->ended_ns = from->ended_ns;
	coroutine->switches = from->switches;
	coroutine->cpu_ns = from->cpu_ns;
	coroutine->wait_ns = from->wait_ns;
	coroutine->stack_used = from->stack_used;
	coroutine->stack_resident = from->stack_resident;
	coroutine->stack_peak = from->stack_peak;
	coroutine->stack_ns = from->stack_ns;
	return 0;
}

static bool is_variance(double value)
{
	return isfinite(value) && value >= 0;
}

int cs_model_restore_coroutine_heap(struct cs_model *model, uint32_t id,
                                    const struct cs_coroutine_heap *heap)
{
	struct cs_coroutine *coroutine = used(model, id);

	if (!coroutine || heap->inuse_bytes > heap->alloc_bytes ||
	    heap->inuse_objects > heap->alloc_objects || !is_variance(heap->inuse_bytes_var) ||
	    !is_variance(heap->inuse_objects_var) || !is_variance(heap->alloc_bytes_var) ||
	    !is_variance(heap->alloc_objects_var))
		return -EINVAL;
	if (!coroutine->heap)
		coroutine->heap = malloc(sizeof(*coroutine->heap));
	if (!coroutine->heap)
		return -ENOMEM;
	*coroutine->heap = *heap;
	return 0;
}

void cs_model_restore_coroutine_gone(struct cs_model *model, uint32_t id)
{
	struct cs_coroutine_slot *slot = cs_coroutine_slot(model, id);

	if (!slot || !slot->used)
		return;
	if (!slot->coroutine.ended_ns)
		--*alive(model, &slot->coroutine);
	model->coroutines.indexed = false;
	cs_coroutine_give_back(model, slot, id);
}
