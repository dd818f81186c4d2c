/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hot half of the reader: two calls of this file for each block of the program. A block
 * is one 16-byte entry, cell and size; the few of 4 GiB and more have their size in a second
 * table. A block that a coroutine allocated has its slot in a third, and a bit that says so:
 * programs without coroutines pay nothing for them. Blocks that were inherited by fork are
 * those whose cell is another process's.
 */
#include "model/books.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/ranges.h"
#include "model/state.h"
#include "model/table.h"

/* A size that says: look into the table of large blocks. */
#define SIZE_LARGE UINT32_MAX
#define WEIGHTS 256u
/* In the cell's id: look into the table of owners. */
#define OWNED (UINT32_C(1) << 31)
_Static_assert(CS_CELLS_MAX < OWNED, "the bit is free");

struct cs_known_weight {
	uint64_t size_plus_1; /* 0: empty */
	struct cs_weight weight;
};

struct cs_books {
	struct cs_model *model;
	struct cs_process_entry *process;
	uint32_t process_id;
	bool sampled;
	uint64_t mean;
	uint64_t healed;
	uint64_t held_bytes, held_objects; /* of a copy, which has no process */
	struct cs_table blocks;            /* address -> cell << 32 | size */
	struct cs_table large;             /* address -> size; no memory until the first one */
	struct cs_table owners;            /* address -> slot of a coroutine; likewise */
	struct cs_ranges mapped;
	struct cs_known_weight *weights; /* exp() is dear, and programs use few sizes */
};

/* ---- what a block stands for ---- */

static struct cs_weight sampled_weight(uint64_t size, uint64_t mean)
{
	/* A block of no bytes is sampled as if it had one. */
	double seen = -expm1(-(double)(size ? size : 1) / (double)mean);
	double unseen = (1 - seen) / (seen * seen);
	double bytes = (double)size;

	return (struct cs_weight){
		.bytes = (uint64_t)(bytes / seen + 0.5),
		.objects = (uint64_t)((double)CS_OBJECT / seen + 0.5),
		.bytes_var = bytes * bytes * unseen,
		.objects_var = unseen,
	};
}

static inline struct cs_weight weigh(struct cs_books *books, uint64_t size)
{
	struct cs_known_weight *known;

	if (!books->sampled)
		return (struct cs_weight){.bytes = size, .objects = CS_OBJECT};
	known = &books->weights[cs_hash_u64(size) % WEIGHTS];
	if (known->size_plus_1 != size + 1) {
		known->weight = sampled_weight(size, books->mean);
		known->size_plus_1 = size + 1;
	}
	return known->weight;
}

/* ---- blocks ---- */

struct block {
	uint64_t size;
	uint32_t cell;
	uint32_t coroutine;
};

static int put_beside(struct cs_table *table, uint64_t address, uint64_t value)
{
	uint64_t old;
	int error = table->directory ? 0 : cs_table_init(table);

	if (!error)
		error = cs_table_put(table, address, value, &old);
	return error < 0 ? error : 0;
}

static struct block unpack(struct cs_books *books, uint64_t address, uint64_t packed)
{
	struct block block = {.size = (uint32_t)packed, .cell = (uint32_t)(packed >> 32) & ~OWNED};
	uint64_t coroutine = 0;

	if (block.size == SIZE_LARGE && books->large.directory)
		cs_table_take(&books->large, address, &block.size);
	if (packed >> 32 & OWNED && cs_table_take(&books->owners, address, &coroutine) == 1)
		block.coroutine = (uint32_t)coroutine;
	return block;
}

/* Brings a block into the table. 1: OLD was at its address, else 0 or -errno. */
static int put_block(struct cs_books *books, uint64_t address, struct block *block,
                     struct block *old)
{
	bool large = block->size >= SIZE_LARGE;
	uint32_t cell = block->cell | (block->coroutine ? OWNED : 0);
	uint64_t packed = (uint64_t)cell << 32 | (large ? SIZE_LARGE : block->size);
	uint64_t before;
	int found = cs_table_put(&books->blocks, address, packed, &before);

	if (found == 1)
		*old = unpack(books, address, before);
	/* Without memory for it the block is known with a size too small: better than not. */
	if (found >= 0 && large)
		(void)put_beside(&books->large, address, block->size);
	/* Nor must a coroutine count a block that will not find it. */
	if (found >= 0 && block->coroutine && put_beside(&books->owners, address, block->coroutine))
		block->coroutine = 0;
	return found;
}

static bool take_block(struct cs_books *books, uint64_t address, struct block *block)
{
	uint64_t packed;

	if (cs_table_take(&books->blocks, address, &packed) != 1)
		return false;
	*block = unpack(books, address, packed);
	return true;
}

/* ---- sums ---- */

static inline void mark(struct cs_books *books, struct cs_cell *cell, uint32_t id)
{
	struct cs_model *model = books->model;

	cs_dirty_mark(&model->dirty_cells, &cell->dirty, id);
	cs_dirty_mark(&model->dirty_processes, &books->process->dirty, books->process_id);
}

static inline bool is_own(const struct cs_books *books, const struct cs_cell *cell)
{
	return cell && cell->process == books->process_id;
}

static void inherited_sub(struct cs_books *books, const struct cs_weight *weight)
{
	struct cs_process *process = &books->process->process;

	process->inherited_bytes -=
		process->inherited_bytes < weight->bytes ? process->inherited_bytes : weight->bytes;
	process->inherited_objects -= process->inherited_objects < weight->objects
	                                      ? process->inherited_objects
	                                      : weight->objects;
	cs_model_process_changed(books->model, books->process_id);
}

static void count_free(struct cs_books *books, struct block block, bool temporary)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): BLOCK has been found and filled */
	struct cs_cell *cell = cs_cell_entry(books->model, block.cell);
	struct cs_weight weight = weigh(books, block.size);

	if (!is_own(books, cell)) {
		inherited_sub(books, &weight);
		return;
	}
	cs_heap_sub(&books->process->process, cell, &weight, temporary);
	if (block.coroutine)
		cs_model_coroutine_free(books->model, block.coroutine, weight.bytes, weight.objects,
		                        weight.bytes_var, weight.objects_var);
	mark(books, cell, block.cell);
}

/* ---- life ---- */

static struct cs_books *books_for(struct cs_model *model, uint32_t process, uint64_t mean)
{
	struct cs_process_entry *entry = cs_process_entry(model, process);
	struct cs_books *books = entry ? calloc(1, sizeof(*books)) : NULL;

	if (!books)
		return NULL;
	books->model = model;
	books->process = entry;
	books->process_id = process;
	books->mean = mean;
	books->sampled = mean > 1;
	if (books->sampled)
		books->weights = calloc(WEIGHTS, sizeof(*books->weights));
	if (books->sampled && !books->weights) {
		free(books);
		return NULL;
	}
	return books;
}

struct cs_books *cs_books_new(struct cs_model *model, uint32_t process, uint64_t mean)
{
	struct cs_books *books = books_for(model, process, mean);

	if (books && cs_table_init(&books->blocks)) {
		cs_books_free(books);
		return NULL;
	}
	return books;
}

void cs_books_free(struct cs_books *books)
{
	if (!books)
		return;
	cs_table_free(&books->blocks);
	cs_table_free(&books->large);
	cs_table_free(&books->owners);
	cs_ranges_free(&books->mapped);
	free(books->weights);
	free(books);
}

static bool clone_tables(struct cs_books *books, const struct cs_books *from)
{
	return !cs_table_clone(&books->blocks, &from->blocks) &&
	       (!from->large.directory || !cs_table_clone(&books->large, &from->large)) &&
	       (!from->owners.directory || !cs_table_clone(&books->owners, &from->owners)) &&
	       !cs_ranges_copy(&books->mapped, &from->mapped);
}

/* What a process itself inherited and still holds is its child's as well. */
static void count_held(const struct cs_books *books, uint64_t *bytes, uint64_t *objects)
{
	const struct cs_process *process = books->process ? &books->process->process : NULL;

	*bytes = process ? process->inuse_bytes + process->inherited_bytes : books->held_bytes;
	*objects = process ? process->inuse_objects + process->inherited_objects
	                   : books->held_objects;
}

struct cs_books *cs_books_copy(const struct cs_books *parent)
{
	struct cs_books *books = calloc(1, sizeof(*books));

	if (!books)
		return NULL;
	books->model = parent->model;
	books->mean = parent->mean;
	count_held(parent, &books->held_bytes, &books->held_objects);
	if (clone_tables(books, parent))
		return books;
	cs_books_free(books);
	return NULL;
}

struct cs_books *cs_books_fork(const struct cs_books *parent, uint32_t child_process)
{
	struct cs_books *books = books_for(parent->model, child_process, parent->mean);
	struct cs_process *to;

	if (!books)
		return NULL;
	if (!clone_tables(books, parent)) {
		cs_books_free(books);
		return NULL;
	}
	to = &books->process->process;
	count_held(parent, &to->inherited_bytes, &to->inherited_objects);
	to->mapped_bytes = books->mapped.bytes;
	cs_model_process_changed(books->model, child_process);
	return books;
}

/* ---- events ---- */

int cs_books_alloc(struct cs_books *books, uint32_t thread, uint32_t cell, uint64_t address,
                   uint64_t size, uint64_t time_ns)
{
	return cs_books_alloc_by(books, thread, 0, cell, address, size, time_ns);
}

int cs_books_alloc_by(struct cs_books *books, uint32_t thread, uint32_t coroutine, uint32_t cell,
                      uint64_t address, uint64_t size, uint64_t time_ns)
{
	struct cs_cell *entry = cs_cell_entry(books->model, cell);
	struct cs_thread_entry *by = cs_thread_entry(books->model, thread);
	struct cs_process *process = &books->process->process;
	struct block block = {size, cell, coroutine}, old;
	struct cs_weight weight;
	int found;

	if (!address || !is_own(books, entry))
		return -EINVAL;
	found = put_block(books, address, &block, &old);
	if (found < 0)
		return found;
	if (found) {
		count_free(books, old, false);
		books->healed++;
	}
	weight = weigh(books, size);
	cs_heap_add(process, entry, &weight);
	if (block.coroutine)
		cs_model_coroutine_alloc(books->model, block.coroutine, weight.bytes,
		                         weight.objects, weight.bytes_var, weight.objects_var);
	mark(books, entry, cell);
	cs_heap_new_peak(process, time_ns);
	if (by) {
		by->last_address = address;
		by->released.address = 0;
	}
	return 0;
}

/* Freed by the thread that allocated it, which has allocated nothing since. */
static bool is_temporary(const struct cs_books *books, const struct cs_thread_entry *by,
                         uint32_t thread, uint64_t address, uint32_t cell)
{
	const struct cs_cell *entry;

	if (books->sampled || by->last_address != address)
		return false;
	entry = cs_cell_entry(books->model, cell);
	return is_own(books, entry) && entry->thread == thread;
}

static uint64_t number_of(const struct cs_books *books, uint32_t coroutine)
{
	const struct cs_coroutine *owner = cs_model_coroutine_at(books->model, coroutine);

	return owner ? owner->number : CS_UNKNOWN;
}

void cs_books_release(struct cs_books *books, uint32_t thread, uint64_t address, bool by_realloc,
                      uint64_t time_ns)
{
	struct cs_thread_entry *by = cs_thread_entry(books->model, thread);
	bool temporary = false;
	struct block block;

	(void)time_ns;
	if (by)
		by->released.address = 0;
	if (!take_block(books, address, &block))
		return;
	if (by && !by_realloc) {
		temporary = is_temporary(books, by, thread, address, block.cell);
		if (by->last_address == address)
			by->last_address = 0;
	} else if (by) {
		by->released = (struct cs_released){
			.address = address,
			.size = block.size,
			.cell = block.cell,
			.coroutine = block.coroutine,
			.number = number_of(books, block.coroutine),
		};
	}
	count_free(books, block, temporary);
}

void cs_books_restore(struct cs_books *books, uint32_t thread, uint64_t address, uint64_t time_ns)
{
	struct cs_thread_entry *by = cs_thread_entry(books->model, thread);
	struct cs_process *process = &books->process->process;
	struct block block, old;
	struct cs_weight weight;
	struct cs_cell *cell;
	int found;

	if (!by || !address || by->released.address != address)
		return;
	by->released.address = 0;
	block = (struct block){by->released.size, by->released.cell, by->released.coroutine};
	/* It may have ended meanwhile, and its slot be another's. */
	if (number_of(books, block.coroutine) != by->released.number)
		block.coroutine = 0;
	found = put_block(books, address, &block, &old);
	if (found < 0)
		return;
	if (found) {
		count_free(books, old, false);
		books->healed++;
	}
	cell = cs_cell_entry(books->model, block.cell);
	weight = weigh(books, block.size);
	if (!is_own(books, cell)) {
		process->inherited_bytes += weight.bytes;
		process->inherited_objects += weight.objects;
		cs_model_process_changed(books->model, books->process_id);
		return;
	}
	cs_heap_unsub(process, cell, &weight);
	if (block.coroutine)
		cs_model_coroutine_unfree(books->model, block.coroutine, weight.bytes,
		                          weight.objects, weight.bytes_var, weight.objects_var);
	mark(books, cell, block.cell);
	cs_heap_new_peak(process, time_ns);
}

/* ---- mappings ---- */

static void mapped_changed(struct cs_books *books)
{
	books->process->process.mapped_bytes = books->mapped.bytes;
	cs_model_process_changed(books->model, books->process_id);
}

int cs_books_map(struct cs_books *books, uint64_t address, uint64_t bytes)
{
	int error = cs_ranges_add(&books->mapped, address, bytes);

	mapped_changed(books);
	return error;
}

void cs_books_unmap(struct cs_books *books, uint64_t address, uint64_t bytes)
{
	/* No memory to split a range: it stays mapped in our books, too much by some bytes. */
	(void)cs_ranges_remove(&books->mapped, address, bytes);
	mapped_changed(books);
}

uint64_t cs_books_mapped_within(const struct cs_books *books, uint64_t low, uint64_t high)
{
	return cs_ranges_within(&books->mapped, low, high);
}

void cs_books_prefetch(const struct cs_books *books, uint64_t address)
{
	cs_table_prefetch(&books->blocks, address);
}

uint64_t cs_books_live_count(const struct cs_books *books)
{
	return books->blocks.count;
}

uint64_t cs_books_healed(const struct cs_books *books)
{
	return books->healed;
}

/* ---- checkpoints ---- */

struct each {
	const struct cs_books *books;
	cs_books_visit *visit;
	void *context;
};

static void each_block(void *context, uint64_t address, uint64_t packed)
{
	const struct each *each = context;
	struct cs_books_block block = {
		.address = address,
		.size = (uint32_t)packed,
		.cell = (uint32_t)(packed >> 32) & ~OWNED,
	};

	if (block.size == SIZE_LARGE)
		(void)cs_table_get(&each->books->large, address, &block.size);
	each->visit(each->context, &block);
}

void cs_books_each(const struct cs_books *books, cs_books_visit *visit, void *context)
{
	struct each each = {books, visit, context};

	cs_table_each(&books->blocks, each_block, &each);
	for (size_t i = 0; i < books->mapped.count; i++) {
		const struct cs_range *range = &books->mapped.at[i];
		struct cs_books_block block = {
			.address = range->low,
			.size = range->high - range->low,
		};

		visit(context, &block);
	}
}

int cs_books_put_back(struct cs_books *books, const struct cs_books_block *from)
{
	struct block block = {.size = from->size, .cell = from->cell}, old;
	int error;

	if (!from->cell)
		return cs_ranges_add(&books->mapped, from->address, from->size);
	if (!from->address || !cs_cell_entry(books->model, from->cell))
		return -EINVAL;
	error = put_block(books, from->address, &block, &old);
	return error < 0 ? error : 0;
}
