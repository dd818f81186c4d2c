/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways by which sums change, for callers that have ids; books.c holds the pointers and
 * uses the same inline functions of state.h.
 */
#include "model/state.h"
#include "model/tally.h"

static struct cs_process *touch(struct cs_model *model, struct cs_cell *cell, uint32_t id)
{
	struct cs_process_entry *entry = cs_process_entry(model, cell->process);

	cs_dirty_mark(&model->dirty_cells, &cell->dirty, id);
	cs_dirty_mark(&model->dirty_processes, &entry->dirty, cell->process);
	return &entry->process;
}

void cs_model_heap_alloc(struct cs_model *model, uint32_t cell, uint64_t bytes, uint64_t objects,
                         double bytes_var, double objects_var)
{
	struct cs_cell *entry = cs_cell_entry(model, cell);
	struct cs_weight weight = {bytes, objects, bytes_var, objects_var};

	if (entry)
		cs_heap_add(touch(model, entry, cell), entry, &weight);
}

void cs_model_heap_free(struct cs_model *model, uint32_t cell, uint64_t bytes, uint64_t objects,
                        double bytes_var, double objects_var, bool temporary)
{
	struct cs_cell *entry = cs_cell_entry(model, cell);
	struct cs_weight weight = {bytes, objects, bytes_var, objects_var};

	if (entry)
		cs_heap_sub(touch(model, entry, cell), entry, &weight, temporary);
}

void cs_model_heap_peak(struct cs_model *model, uint32_t process, uint64_t time_ns)
{
	struct cs_process_entry *entry = cs_process_entry(model, process);

	if (!entry || entry->process.inuse_bytes <= entry->process.peak_bytes)
		return;
	cs_heap_new_peak(&entry->process, time_ns);
	cs_dirty_mark(&model->dirty_processes, &entry->dirty, process);
}

void cs_model_heap_set(struct cs_model *model, uint32_t cell, const struct cs_heap_sum *sum)
{
	struct cs_cell *entry = cs_cell_entry(model, cell);
	struct cs_process *process;

	if (!entry || sum->free_bytes > sum->alloc_bytes || sum->free_objects > sum->alloc_objects)
		return;
	process = touch(model, entry, cell);
	cs_cell_keep_peak(process, entry);
	process->inuse_bytes -= cs_cell_inuse_bytes(entry);
	process->inuse_objects -= cs_cell_inuse_objects(entry);
	entry->sum = *sum;
	process->inuse_bytes += cs_cell_inuse_bytes(entry);
	process->inuse_objects += cs_cell_inuse_objects(entry);
}
