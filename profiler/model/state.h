/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the model: shared by the files of this folder, nobody else includes it.
 *
 * Things live in lists, so their pointers hold; an index per kind finds them by key. A model
 * that was loaded from a trace has no use for the indexes, so each is filled only when the
 * first definition by key asks for it: `indexed` says how far it has come.
 */
#ifndef CS_MODEL_STATE_H
#define CS_MODEL_STATE_H

#include "base/index.h"
#include "base/list.h"
#include "model/coroutine.h"
#include "model/model.h"
#include "model/tally.h"

/* The books keep a bit of a cell's id for themselves. */
#define CS_CELLS_MAX INT32_MAX

struct cs_keyed {
	struct cs_list list;
	struct cs_index index;
	uint32_t indexed;
};

/* Ids whose thing changed since it was last asked; room is kept for all of them. */
struct cs_dirty {
	uint32_t *ids;
	size_t count;
	size_t room;
};

struct cs_process_entry {
	struct cs_process process; /* first: both have one address */
	bool dirty;
	uint32_t coroutines; /* alive */
};

/* What a realloc took out of the books, until the thread's next event. */
struct cs_released {
	uint64_t address; /* 0: nothing */
	uint64_t size;
	uint32_t cell;
	uint32_t coroutine; /* slot */
	uint64_t number;    /* of who was in that slot */
};

struct cs_thread_entry {
	struct cs_thread thread; /* first */
	bool dirty;
	uint64_t last_address; /* of its last allocation; 0 when that is gone */
	struct cs_released released;
};

struct cs_coroutine_slot {
	struct cs_coroutine coroutine; /* first */
	uint32_t next_free;
	bool used;
	bool dirty;
	bool ending; /* in the list of those that the next sweep looks at */
};

/* Slots of coroutines; the index has the living ones, once somebody asks by key. */
struct cs_coroutines {
	struct cs_list list;
	struct cs_index index;
	bool indexed;
	uint32_t first_free;
	struct cs_dirty dirty;
	struct cs_dirty ending;
};

struct cs_model {
	uint64_t now_ns;
	struct cs_list processes;
	struct cs_list threads;
	struct cs_keyed modules;
	struct cs_keyed frames;
	struct cs_keyed nodes;
	struct cs_keyed cells;
	struct cs_dirty dirty_processes;
	struct cs_dirty dirty_threads;
	struct cs_dirty dirty_cells;
	struct cs_keyed texts;
	struct cs_keyed runtimes;
	struct cs_keyed tallies;
	struct cs_keyed figures;
	struct cs_dirty dirty_tallies;
	struct cs_dirty dirty_figures;
	struct cs_coroutines coroutines;
};

static inline struct cs_process_entry *cs_process_entry(const struct cs_model *model, uint32_t id)
{
	return id && id <= model->processes.count ? cs_list_at(&model->processes, id - 1) : NULL;
}

static inline struct cs_thread_entry *cs_thread_entry(const struct cs_model *model, uint32_t id)
{
	return id && id <= model->threads.count ? cs_list_at(&model->threads, id - 1) : NULL;
}

static inline struct cs_cell *cs_cell_entry(const struct cs_model *model, uint32_t id)
{
	const struct cs_list *list = &model->cells.list;

	return id && id <= list->count ? cs_list_at(list, id - 1) : NULL;
}

static inline struct cs_coroutine_slot *cs_coroutine_slot(const struct cs_model *model, uint32_t id)
{
	const struct cs_list *list = &model->coroutines.list;

	return id && id <= list->count ? cs_list_at(list, id - 1) : NULL;
}

/* A slot with a coroutine of KEY of which nothing is known, in no index. 0: no memory. */
uint32_t cs_coroutine_place(struct cs_model *model, const struct cs_coroutine *key);
/* Empties a slot. */
void cs_coroutine_give_back(struct cs_model *model, struct cs_coroutine_slot *slot, uint32_t id);

/* Parts of cs_model_free(). */
void cs_texts_free(struct cs_model *model);
void cs_coroutines_free(struct cs_model *model);

typedef uint32_t cs_key_hash(const void *thing);

/* A model's first definition after it was loaded finds what the trace had defined. */
int cs_keyed_catch_up(struct cs_keyed *keyed, cs_key_hash *hash);
/* A new thing behind the others, in list and index. NULL: no memory, nothing has changed. */
void *cs_keyed_add(struct cs_keyed *keyed, uint32_t hash);
void cs_keyed_free(struct cs_keyed *keyed);

/* Room for COUNT ids, so that marking never fails. 0 or -ENOMEM. */
int cs_dirty_reserve(struct cs_dirty *dirty, uint32_t count);
/* The list is used again at once: VISIT must not change the model. */
void cs_dirty_visit(struct cs_dirty *dirty, cs_model_visit *visit, void *context);

static inline void cs_dirty_mark(struct cs_dirty *dirty, bool *flag, uint32_t id)
{
	if (!*flag) {
		*flag = true;
		dirty->ids[dirty->count++] = id;
	}
}

/* A block's weight: what one recorded block stands for, and the variance it brings. */
struct cs_weight {
	uint64_t bytes;
	uint64_t objects;
	double bytes_var;
	double objects_var;
};

static inline uint64_t cs_cell_inuse_bytes(const struct cs_cell *cell)
{
	return cell->sum.alloc_bytes - cell->sum.free_bytes;
}

static inline uint64_t cs_cell_inuse_objects(const struct cs_cell *cell)
{
	return cell->sum.alloc_objects - cell->sum.free_objects;
}

/* Subtracting variances leaves rounding errors: nothing live has none, exactly. */
static inline double cs_live_var(uint64_t live_samples, double alloc_var, double free_var)
{
	return live_samples && alloc_var > free_var ? alloc_var - free_var : 0;
}

/* Before any change of CELL: what it holds now is what it held at the peak. */
static inline void cs_cell_keep_peak(const struct cs_process *process, struct cs_cell *cell)
{
	const struct cs_heap_sum *sum = &cell->sum;

	if (cell->peak_epoch == process->peak_epoch)
		return;
	cell->peak_epoch = process->peak_epoch;
	cell->peak_bytes = cs_cell_inuse_bytes(cell);
	cell->peak_objects = cs_cell_inuse_objects(cell);
	cell->peak_samples = sum->live_samples;
	cell->peak_bytes_var =
		cs_live_var(sum->live_samples, sum->alloc_bytes_var, sum->free_bytes_var);
	cell->peak_objects_var =
		cs_live_var(sum->live_samples, sum->alloc_objects_var, sum->free_objects_var);
}

static inline void cs_heap_add(struct cs_process *process, struct cs_cell *cell,
                               const struct cs_weight *weight)
{
	struct cs_heap_sum *sum = &cell->sum;

	cs_cell_keep_peak(process, cell);
	sum->alloc_bytes += weight->bytes;
	sum->alloc_objects += weight->objects;
	sum->samples++;
	sum->live_samples++;
	if (weight->objects_var > 0) {
		sum->alloc_bytes_var += weight->bytes_var;
		sum->alloc_objects_var += weight->objects_var;
	}
	process->inuse_bytes += weight->bytes;
	process->inuse_objects += weight->objects;
}

/* What would make a total negative is cut off, so that process = sum of its cells, always. */
static inline void cs_heap_sub(struct cs_process *process, struct cs_cell *cell,
                               const struct cs_weight *weight, bool temporary)
{
	struct cs_heap_sum *sum = &cell->sum;
	uint64_t bytes = cs_cell_inuse_bytes(cell);
	uint64_t objects = cs_cell_inuse_objects(cell);

	cs_cell_keep_peak(process, cell);
	if (bytes > weight->bytes)
		bytes = weight->bytes;
	if (objects > weight->objects)
		objects = weight->objects;
	sum->free_bytes += bytes;
	sum->free_objects += objects;
	if (temporary)
		sum->temporary_objects += objects;
	if (weight->objects_var > 0) {
		sum->free_bytes_var += weight->bytes_var;
		sum->free_objects_var += weight->objects_var;
	}
	if (sum->live_samples > 0 && --sum->live_samples == 0) {
		sum->free_bytes_var = sum->alloc_bytes_var;
		sum->free_objects_var = sum->alloc_objects_var;
	}
	process->inuse_bytes -= bytes;
	process->inuse_objects -= objects;
}

/* Takes a cs_heap_sub() of the same weight back: the block was never freed. */
static inline void cs_heap_unsub(struct cs_process *process, struct cs_cell *cell,
                                 const struct cs_weight *weight)
{
	struct cs_heap_sum *sum = &cell->sum;

	cs_cell_keep_peak(process, cell);
	if (sum->free_bytes < weight->bytes || sum->free_objects < weight->objects)
		return;
	sum->free_bytes -= weight->bytes;
	sum->free_objects -= weight->objects;
	sum->live_samples++;
	if (weight->objects_var > 0) {
		sum->free_bytes_var -= weight->bytes_var;
		sum->free_objects_var -= weight->objects_var;
	}
	process->inuse_bytes += weight->bytes;
	process->inuse_objects += weight->objects;
}

static inline void cs_heap_new_peak(struct cs_process *process, uint64_t time_ns)
{
	if (process->inuse_bytes <= process->peak_bytes)
		return;
	process->peak_bytes = process->inuse_bytes;
	process->peak_objects = process->inuse_objects;
	process->peak_ns = time_ns;
	process->peak_epoch++;
}

#endif
