/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells become rows: integers in 1/65536 become the numbers that people read.
 *
 * Invariant: a row exists for every cell with a value, and for no other.
 */
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "model/items.h"
#include "model/state.h"

const struct cs_metric_info cs_metric_info[CS_METRIC_COUNT] = {
	[CS_METRIC_INUSE_SPACE] = {"inuse_space", "bytes", "bytes in use", false},
	[CS_METRIC_INUSE_OBJECTS] = {"inuse_objects", "count", "objects in use", false},
	[CS_METRIC_ALLOC_SPACE] = {"alloc_space", "bytes", "bytes allocated", true},
	[CS_METRIC_ALLOC_OBJECTS] = {"alloc_objects", "count", "objects allocated", true},
	[CS_METRIC_PEAK_SPACE] = {"peak_space", "bytes", "bytes in use at the peak", false},
	[CS_METRIC_TEMPORARY_OBJECTS] = {"temporary_objects", "count",
                                         "objects freed before their thread's next allocation",
                                         true},
	[CS_METRIC_CPU] = {"cpu", "ns", "time on a CPU", true, true},
	[CS_METRIC_WALL] = {"wall", "ns", "time, on a CPU or not", true, true},
	[CS_METRIC_OFFCPU] = {"offcpu", "ns", "time not on a CPU", true, true},
	[CS_METRIC_DELAY] = {"delay", "ns", "time blocked, by the runtime's own profiles", true},
	[CS_METRIC_CONTENTIONS] = {"contentions", "count", "times blocked, by the same", true},
	[CS_METRIC_SPAWNED] = {"spawned", "count", "coroutines created", true},
	[CS_METRIC_COROUTINES] = {"coroutines", "count", "live coroutines", false},
	[CS_METRIC_STACK_SPACE] = {"stack_space", "bytes", "bytes of coroutines' stacks", false},
};

enum cs_metric cs_metric_by_name(const char *name)
{
	for (int i = 0; i < CS_METRIC_COUNT; i++)
		if (!strcmp(name, cs_metric_info[i].name))
			return (enum cs_metric)i;
	return CS_METRIC_COUNT;
}

static void put(struct cs_row *row, enum cs_metric metric, double value, double variance,
                uint64_t samples)
{
	row->value[metric] = value;
	row->variance[metric] = variance;
	row->samples[metric] = samples;
}

static double objects(uint64_t fixed_point)
{
	return (double)fixed_point / (double)CS_OBJECT;
}

/* What was freed beyond what was allocated (an interval's sums) leaves nothing in use. */
static uint64_t minus(uint64_t value, uint64_t base)
{
	return value > base ? value - base : 0;
}

static void fill_row(struct cs_row *row, const struct cs_process *process,
                     const struct cs_cell *cell, bool at_peak)
{
	const struct cs_heap_sum *sum = &cell->sum;
	struct cs_cell now = *cell;

	/* A copy that keeps "as now" in the fields of the peak; cells themselves stay. */
	now.peak_epoch = process->peak_epoch + 1;
	now.sum.free_bytes = sum->alloc_bytes - minus(sum->alloc_bytes, sum->free_bytes);
	now.sum.free_objects = sum->alloc_objects - minus(sum->alloc_objects, sum->free_objects);
	cs_cell_keep_peak(process, &now);
	const struct cs_cell *peak = cell->peak_epoch == process->peak_epoch ? cell : &now;
	const struct cs_cell *inuse = at_peak ? peak : &now;

	put(row, CS_METRIC_INUSE_SPACE, (double)inuse->peak_bytes, inuse->peak_bytes_var,
	    inuse->peak_samples);
	put(row, CS_METRIC_INUSE_OBJECTS, objects(inuse->peak_objects), inuse->peak_objects_var,
	    inuse->peak_samples);
	put(row, CS_METRIC_PEAK_SPACE, (double)peak->peak_bytes, peak->peak_bytes_var,
	    peak->peak_samples);
	put(row, CS_METRIC_ALLOC_SPACE, (double)sum->alloc_bytes, sum->alloc_bytes_var,
	    sum->samples);
	put(row, CS_METRIC_ALLOC_OBJECTS, objects(sum->alloc_objects), sum->alloc_objects_var,
	    sum->samples);
	put(row, CS_METRIC_TEMPORARY_OBJECTS, objects(sum->temporary_objects), 0,
	    sum->temporary_objects / CS_OBJECT);
	row->process = cell->process;
	row->thread = cell->thread;
	row->node = cell->node;
	row->spawn = cell->spawn;
}

static bool has_value(const struct cs_row *row)
{
	for (int i = 0; i < CS_METRIC_HEAP_COUNT; i++)
		if (row->value[i] > 0)
			return true;
	return false;
}

static void sum_processes(struct cs_snapshot *snapshot, const struct cs_model *model)
{
	snapshot->exact = true;
	for (uint32_t id = 1; id <= cs_model_process_count(model); id++) {
		const struct cs_process *process = cs_model_process_at(model, id);

		if (process->heap_mean_bytes > 1)
			snapshot->sampled = true;
		if (process->heap_mean_bytes > 1 || process->heap_inexact || process->lost)
			snapshot->exact = false;
		if (process->heap_mean_bytes > snapshot->mean_bytes)
			snapshot->mean_bytes = process->heap_mean_bytes;
		snapshot->lost += process->lost;
	}
}

/* PEAK: the process that is shown as at its own peak, 0 none. */
static struct cs_snapshot *take(const struct cs_model *model, const struct cs_symbols *symbols,
                                uint32_t peak, bool sums_only)
{
	uint32_t cells = cs_model_cell_count(model);
	struct cs_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		return NULL;
	snapshot->rows = calloc(cells ? cells : 1, sizeof(*snapshot->rows));
	snapshot->sums_only = sums_only;
	if (!snapshot->rows || cs_snapshot_take_others(snapshot, model) ||
	    (!sums_only && cs_snapshot_take_states(snapshot, model))) {
		cs_snapshot_free(snapshot);
		return NULL;
	}
	snapshot->time_ns = cs_model_now(model);
	snapshot->model = model;
	snapshot->symbols = symbols;
	sum_processes(snapshot, model);
	for (uint32_t id = 1; id <= cells; id++) {
		const struct cs_cell *cell = cs_cell_entry(model, id);
		struct cs_row *row = &snapshot->rows[snapshot->row_count];

		fill_row(row, cs_model_process_at(model, cell->process), cell,
		         cell->process == peak);
		if (has_value(row))
			snapshot->row_count++;
	}
	return snapshot;
}

struct cs_snapshot *cs_snapshot_take(const struct cs_model *model, const struct cs_symbols *symbols)
{
	return take(model, symbols, 0, false);
}

struct cs_snapshot *cs_snapshot_take_sums(const struct cs_model *model,
                                          const struct cs_symbols *symbols)
{
	return take(model, symbols, 0, true);
}

struct cs_snapshot *cs_snapshot_take_peak(const struct cs_model *model,
                                          const struct cs_symbols *symbols)
{
	uint32_t highest = 0;
	uint64_t bytes = 0;

	for (uint32_t id = 1; id <= cs_model_process_count(model); id++) {
		const struct cs_process *process = cs_model_process_at(model, id);

		if (process->peak_bytes > bytes) {
			bytes = process->peak_bytes;
			highest = id;
		}
	}
	struct cs_snapshot *snapshot = take(model, symbols, highest, false);

	if (snapshot && highest)
		snapshot->time_ns = cs_model_process_at(model, highest)->peak_ns;
	return snapshot;
}

void cs_snapshot_free(struct cs_snapshot *snapshot)
{
	if (!snapshot)
		return;
	free(snapshot->rows);
	free(snapshot->others);
	free(snapshot->coroutines);
	free(snapshot->threads);
	free(snapshot->figures);
	cs_arena_free(&snapshot->texts);
	free(snapshot);
}
