/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slots of coroutines.
 *
 * Invariants: a slot is used, or in the list of free ones. The index holds those that are used
 * and have not ended. A slot is in the list of ending ones at most once; what is in it has
 * ended, and if it holds no heap the next sweep empties it.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/state.h"

/* A million of them are to be kept. */
_Static_assert(sizeof(struct cs_coroutine_slot) <= 216, "memory of a coroutine");

const char *const cs_coroutine_state_names[CS_COROUTINE_STATES] = {
	[CS_COROUTINE_UNKNOWN] = "?",         [CS_COROUTINE_NEW] = "new",
	[CS_COROUTINE_RUNNABLE] = "runnable", [CS_COROUTINE_RUNNING] = "running",
	[CS_COROUTINE_WAITING] = "waiting",   [CS_COROUTINE_SYSCALL] = "syscall",
	[CS_COROUTINE_DEAD] = "dead",
};

static uint32_t key_hash(uint32_t process, uint32_t runtime, uint64_t number)
{
	return cs_hash_pair((uint64_t)process << 32 | runtime, number);
}

static uint32_t slot_hash(const struct cs_coroutine *coroutine)
{
	return key_hash(coroutine->process, coroutine->runtime, coroutine->number);
}

static struct cs_coroutine_slot *used_slot(const struct cs_model *model, uint32_t id)
{
	struct cs_coroutine_slot *slot = cs_coroutine_slot(model, id);

	return slot && slot->used ? slot : NULL;
}

static void mark(struct cs_model *model, struct cs_coroutine_slot *slot, uint32_t id)
{
	cs_dirty_mark(&model->coroutines.dirty, &slot->dirty, id);
}

/* What a trace brought has no index until somebody looks for a key. */
static int catch_up(struct cs_coroutines *all)
{
	if (all->indexed)
		return 0;
	cs_index_free(&all->index);
	for (uint32_t i = 0; i < all->list.count; i++) {
		const struct cs_coroutine_slot *slot = cs_list_at(&all->list, i);

		if (slot->used && slot->coroutine.ended_ns == 0 &&
		    cs_index_add(&all->index, slot_hash(&slot->coroutine), i + 1))
			return -ENOMEM;
	}
	all->indexed = true;
	return 0;
}

static uint32_t find(const struct cs_coroutines *all, uint32_t process, uint32_t runtime,
                     uint64_t number)
{
	struct cs_probe probe = cs_index_probe(&all->index, key_hash(process, runtime, number));
	uint32_t id;

	while ((id = cs_probe_next(&probe))) {
		const struct cs_coroutine_slot *slot = cs_list_at(&all->list, id - 1);
		const struct cs_coroutine *coroutine = &slot->coroutine;

		if (coroutine->number == number && coroutine->runtime == runtime &&
		    coroutine->process == process)
			return id;
	}
	return 0;
}

/* A free slot, or a new one behind the others. 0: no memory. */
static uint32_t take_slot(struct cs_coroutines *all)
{
	uint32_t id = all->first_free;

	if (id) {
		const struct cs_coroutine_slot *slot = cs_list_at(&all->list, id - 1);

		all->first_free = slot->next_free;
		return id;
	}
	/* Room for every slot in both lists: marking and ending never fail. */
	if (cs_dirty_reserve(&all->dirty, all->list.count + 1) ||
	    cs_dirty_reserve(&all->ending, all->list.count + 1) || !cs_list_push(&all->list))
		return 0;
	return all->list.count;
}

void cs_coroutine_give_back(struct cs_model *model, struct cs_coroutine_slot *slot, uint32_t id)
{
	struct cs_coroutine *coroutine = &slot->coroutine;

	free(coroutine->name);
	free(coroutine->labels);
	free(coroutine->heap);
	memset(coroutine, 0, sizeof(*coroutine));
	slot->used = false;
	slot->next_free = model->coroutines.first_free;
	model->coroutines.first_free = id;
}

static void fill_unknown(struct cs_coroutine *coroutine)
{
	coroutine->created_after_ns = coroutine->created_ns = CS_UNKNOWN;
	coroutine->since_after_ns = coroutine->since_ns = CS_UNKNOWN;
	coroutine->observed_ns = coroutine->stack_ns = CS_UNKNOWN;
	coroutine->switches = coroutine->cpu_ns = coroutine->wait_ns = CS_UNKNOWN;
	coroutine->stack_used = CS_UNKNOWN;
	coroutine->stack_resident = coroutine->stack_peak = CS_UNKNOWN;
}

uint32_t cs_coroutine_place(struct cs_model *model, const struct cs_coroutine *key)
{
	uint32_t id = take_slot(&model->coroutines);
	struct cs_coroutine_slot *slot = cs_coroutine_slot(model, id);

	if (!slot)
		return 0;
	slot->coroutine = (struct cs_coroutine){
		.process = key->process, .runtime = key->runtime, .number = key->number};
	fill_unknown(&slot->coroutine);
	slot->used = true;
	return id;
}

uint32_t cs_model_coroutine(struct cs_model *model, uint32_t process, uint32_t runtime,
                            uint64_t number)
{
	struct cs_coroutines *all = &model->coroutines;
	const struct cs_runtime *of = cs_model_runtime_at(model, runtime);
	struct cs_process_entry *entry = cs_process_entry(model, process);
	struct cs_coroutine_slot *slot;
	uint32_t id;

	if (!entry || !of || of->process != process || catch_up(all))
		return 0;
	id = find(all, process, runtime, number);
	if (id)
		return id;
	id = take_slot(all);
	if (!id)
		return 0;
	slot = cs_list_at(&all->list, id - 1);
	slot->coroutine =
		(struct cs_coroutine){.process = process, .runtime = runtime, .number = number};
	fill_unknown(&slot->coroutine);
	slot->used = true;
	if (cs_index_add(&all->index, slot_hash(&slot->coroutine), id)) {
		cs_coroutine_give_back(model, slot, id);
		return 0;
	}
	entry->coroutines++;
	mark(model, slot, id);
	return id;
}

uint32_t cs_model_coroutine_find(struct cs_model *model, uint32_t process, uint32_t runtime,
                                 uint64_t number)
{
	struct cs_coroutines *all = &model->coroutines;

	return catch_up(all) ? 0 : find(all, process, runtime, number);
}

uint32_t cs_model_coroutine_slots(const struct cs_model *model)
{
	return model->coroutines.list.count;
}

struct cs_coroutine *cs_model_coroutine_at(const struct cs_model *model, uint32_t id)
{
	struct cs_coroutine_slot *slot = used_slot(model, id);

	return slot ? &slot->coroutine : NULL;
}

void cs_model_coroutine_changed(struct cs_model *model, uint32_t id)
{
	struct cs_coroutine_slot *slot = used_slot(model, id);

	if (slot)
		mark(model, slot, id);
}

void cs_model_coroutine_seen(struct cs_model *model, uint32_t id, uint32_t node, uint64_t time_ns)
{
	struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);

	if (!coroutine || coroutine->ended_ns || !node ||
	    (coroutine->stack && !(coroutine->flags & CS_COROUTINE_STACK_SAMPLED)))
		return;
	coroutine->stack = node;
	coroutine->stack_ns = time_ns;
	coroutine->flags |= CS_COROUTINE_STACK_SAMPLED;
}

static int set_text(struct cs_model *model, uint32_t id, char **text, const char *to)
{
	char *copy = NULL;

	if (!to == !*text && (!to || !strcmp(*text, to)))
		return 0;
	if (to && !(copy = strdup(to)))
		return -ENOMEM;
	free(*text);
	*text = copy;
	cs_model_coroutine_changed(model, id);
	return 0;
}

int cs_model_coroutine_set_name(struct cs_model *model, uint32_t id, const char *name)
{
	struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);

	return coroutine ? set_text(model, id, &coroutine->name, name) : 0;
}

int cs_model_coroutine_set_labels(struct cs_model *model, uint32_t id, const char *labels)
{
	struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);

	return coroutine ? set_text(model, id, &coroutine->labels, labels) : 0;
}

/* ---- end ---- */

static bool holds_heap(const struct cs_coroutine *coroutine)
{
	return coroutine->heap && coroutine->heap->live_samples > 0;
}

void cs_model_coroutine_end(struct cs_model *model, uint32_t id, uint64_t time_ns)
{
	struct cs_coroutine_slot *slot = used_slot(model, id);
	struct cs_coroutines *all = &model->coroutines;
	struct cs_coroutine *coroutine;

	if (!slot || slot->coroutine.ended_ns)
		return;
	coroutine = &slot->coroutine;
	if (all->indexed)
		cs_index_remove(&all->index, slot_hash(coroutine), id);
	cs_process_entry(model, coroutine->process)->coroutines--;
	coroutine->state = CS_COROUTINE_DEAD;
	coroutine->ended_ns = time_ns ? time_ns : 1; /* 0 would say that it lives */
	coroutine->since_after_ns = coroutine->since_ns = coroutine->ended_ns;
	coroutine->thread = 0;
	coroutine->reason = 0;
	coroutine->stack = 0;
	mark(model, slot, id);
	cs_dirty_mark(&all->ending, &slot->ending, id);
}

void cs_model_sweep_coroutines(struct cs_model *model)
{
	struct cs_dirty *ending = &model->coroutines.ending;

	for (size_t i = 0; i < ending->count; i++) {
		struct cs_coroutine_slot *slot = cs_coroutine_slot(model, ending->ids[i]);

		slot->ending = false;
		if (slot->used && !holds_heap(&slot->coroutine))
			cs_coroutine_give_back(model, slot, ending->ids[i]);
	}
	ending->count = 0;
}

uint32_t cs_model_coroutines_alive(const struct cs_model *model, uint32_t process)
{
	const struct cs_process_entry *entry = cs_process_entry(model, process);

	return entry ? entry->coroutines : 0;
}

/* ---- heap ---- */

/* Without memory its sums stay unknown: the cell's are right all the same. */
static struct cs_coroutine_heap *heap_of(struct cs_coroutine *coroutine)
{
	if (!coroutine->heap)
		coroutine->heap = calloc(1, sizeof(*coroutine->heap));
	if (coroutine->heap)
		coroutine->flags |= CS_COROUTINE_HEAP;
	else
		coroutine->flags &= (uint16_t)~CS_COROUTINE_HEAP;
	return coroutine->heap;
}

void cs_model_coroutine_alloc(struct cs_model *model, uint32_t id, uint64_t bytes, uint64_t objects,
                              double bytes_var, double objects_var)
{
	struct cs_coroutine_slot *slot = used_slot(model, id);
	struct cs_coroutine_heap *heap = slot ? heap_of(&slot->coroutine) : NULL;

	if (!heap)
		return;
	heap->inuse_bytes += bytes;
	heap->inuse_objects += objects;
	heap->alloc_bytes += bytes;
	heap->alloc_objects += objects;
	heap->samples++;
	heap->live_samples++;
	if (objects_var > 0) {
		heap->inuse_bytes_var += bytes_var;
		heap->inuse_objects_var += objects_var;
		heap->alloc_bytes_var += bytes_var;
		heap->alloc_objects_var += objects_var;
	}
	mark(model, slot, id);
}

static uint64_t minus(uint64_t value, uint64_t part)
{
	return value > part ? value - part : 0;
}

void cs_model_coroutine_free(struct cs_model *model, uint32_t id, uint64_t bytes, uint64_t objects,
                             double bytes_var, double objects_var)
{
	struct cs_coroutine_slot *slot = used_slot(model, id);
	struct cs_coroutine_heap *heap = slot ? slot->coroutine.heap : NULL;

	if (!heap)
		return;
	heap->inuse_bytes = minus(heap->inuse_bytes, bytes);
	heap->inuse_objects = minus(heap->inuse_objects, objects);
	if (objects_var > 0) {
		/* Never below 0, whatever rounding leaves. */
		heap->inuse_bytes_var = fmax(0, heap->inuse_bytes_var - bytes_var);
		heap->inuse_objects_var = fmax(0, heap->inuse_objects_var - objects_var);
	}
	mark(model, slot, id);
	if (heap->live_samples == 0 || --heap->live_samples > 0)
		return;
	/* Nothing live has no variance, exactly. */
	heap->inuse_bytes_var = heap->inuse_objects_var = 0;
	if (slot->coroutine.ended_ns)
		cs_dirty_mark(&model->coroutines.ending, &slot->ending, id);
}

void cs_model_coroutine_unfree(struct cs_model *model, uint32_t id, uint64_t bytes,
                               uint64_t objects, double bytes_var, double objects_var)
{
	struct cs_coroutine_slot *slot = used_slot(model, id);
	struct cs_coroutine_heap *heap = slot ? slot->coroutine.heap : NULL;

	if (!heap)
		return;
	heap->inuse_bytes += bytes;
	heap->inuse_objects += objects;
	heap->live_samples++;
	if (objects_var > 0) {
		heap->inuse_bytes_var += bytes_var;
		heap->inuse_objects_var += objects_var;
	}
	mark(model, slot, id);
}

/* ---- changes, end of the model ---- */

void cs_model_take_dirty_coroutines(struct cs_model *model, cs_model_visit *visit, void *context)
{
	struct cs_dirty *dirty = &model->coroutines.dirty;

	for (size_t i = 0; i < dirty->count; i++)
		cs_coroutine_slot(model, dirty->ids[i])->dirty = false;
	cs_dirty_visit(dirty, visit, context);
}

void cs_coroutines_free(struct cs_model *model)
{
	struct cs_coroutines *all = &model->coroutines;

	for (uint32_t i = 0; i < all->list.count; i++) {
		struct cs_coroutine_slot *slot = cs_list_at(&all->list, i);

		free(slot->coroutine.name);
		free(slot->coroutine.labels);
		free(slot->coroutine.heap);
	}
	cs_list_free(&all->list);
	cs_index_free(&all->index);
	free(all->dirty.ids);
	free(all->ending.ids);
}

void cs_model_forget_coroutines(struct cs_model *model)
{
	struct cs_coroutines *all = &model->coroutines;
	size_t element_bytes = all->list.element_bytes;
	uint32_t shift = all->list.shift;

	cs_coroutines_free(model);
	memset(all, 0, sizeof(*all));
	cs_list_init(&all->list, element_bytes, shift);
}
