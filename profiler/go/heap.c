/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap profile that the runtime keeps, with the same figures that its own pprof package
 * would write at this moment, to the byte.
 *
 * A bucket holds what was allocated up to the last collection ("active") and three cycles that
 * are not complete yet. pprof adds the cycle that is complete but not counted yet, and all of
 * them when there has been no collection.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "go/buckets.h"
#include "go/observation.h"
#include "model/tally.h"

#define CYCLES 3u
#define CYCLE_UNKNOWN UINT32_MAX
#define RATE_DEFAULT 524288u

/* Counts of one bucket. */
struct counts {
	uint64_t allocs, frees, alloc_bytes, free_bytes;
};

struct share {
	uint32_t cell;
	struct cs_heap_sum sum;
};

static struct counts counts_of(const struct cs_go *go, const struct cs_go_bucket *bucket,
                               uint32_t cycle)
{
	uint32_t bytes = go->layout.memory_cycle_bytes;
	uint64_t at = (uint64_t)cycle * bytes;
	struct counts counts = {
		.allocs = cs_go_u64(bucket->record, at),
		.frees = cs_go_u64(bucket->record, at + 8),
	};

	/* Since 1.27 bytes are not kept: all objects of a bucket have the same size. */
	counts.alloc_bytes = bytes >= 32 ? cs_go_u64(bucket->record, at + 16)
	                                 : counts.allocs * bucket->size;
	counts.free_bytes = bytes >= 32 ? cs_go_u64(bucket->record, at + 24)
	                                : counts.frees * bucket->size;
	return counts;
}

static void add(struct counts *to, const struct counts *counts)
{
	to->allocs += counts->allocs;
	to->frees += counts->frees;
	to->alloc_bytes += counts->alloc_bytes;
	to->free_bytes += counts->free_bytes;
}

/* What pprof would take for BUCKET. ALL: there has been no collection yet. */
static struct counts total_of(const struct cs_go *go, const struct cs_go_bucket *bucket,
                              uint32_t cycle, bool all)
{
	struct counts total = counts_of(go, bucket, 0);

	for (uint32_t i = 0; i < CYCLES; i++) {
		struct counts part = counts_of(go, bucket, 1 + i);

		if (all || (cycle != CYCLE_UNKNOWN && i == cycle % CYCLES))
			add(&total, &part);
	}
	return total;
}

static uint32_t read_cycle(struct cs_go *go)
{
	uint32_t value;

	if (!go->variables.profile_cycle ||
	    !cs_go_read_u32(&go->memory, go->variables.profile_cycle, &value))
		return CYCLE_UNKNOWN;
	/* The lowest bit says whether it was flushed; 1.18 keeps that apart. */
	return go->behaves_as == 18 ? value : value >> 1;
}

/* ---- scaling, as pprof does it ---- */

static double scale_of(uint64_t objects, uint64_t bytes, uint64_t rate)
{
	if (!objects || !bytes)
		return 0;
	if (rate <= 1)
		return 1;
	return 1 / (1 - exp(-((double)bytes / (double)objects) / (double)rate));
}

static uint64_t scaled(uint64_t value, double scale)
{
	double result = (double)value * scale;

	return result < 9e18 ? (uint64_t)result : 0;
}

static struct cs_heap_sum sum_of(const struct counts *counts, uint64_t rate)
{
	uint64_t objects = counts->allocs - counts->frees;
	uint64_t bytes = counts->alloc_bytes - counts->free_bytes;
	double alloc_scale = scale_of(counts->allocs, counts->alloc_bytes, rate);
	double live_scale = scale_of(objects, bytes, rate);
	uint64_t live_objects = scaled(objects, live_scale), live_bytes = scaled(bytes, live_scale);
	/* Of a sample that stands for s others, the variance is s (s - 1). */
	double object_var = (double)counts->allocs * alloc_scale * (alloc_scale - 1);
	double size = counts->allocs ? (double)counts->alloc_bytes / (double)counts->allocs : 0;
	double freed = counts->allocs ? (double)counts->frees / (double)counts->allocs : 0;
	struct cs_heap_sum sum = {
		.alloc_objects = scaled(counts->allocs, alloc_scale) * CS_OBJECT,
		.alloc_bytes = scaled(counts->alloc_bytes, alloc_scale),
		.samples = counts->allocs,
		.live_samples = objects,
		.alloc_objects_var = object_var,
		.alloc_bytes_var = object_var * size * size,
		.free_objects_var = object_var * freed,
		.free_bytes_var = object_var * freed * size * size,
	};

	sum.free_objects = sum.alloc_objects - live_objects * CS_OBJECT;
	sum.free_bytes = sum.alloc_bytes - live_bytes;
	return sum;
}

static bool is_possible(const struct counts *counts)
{
	return counts->allocs && counts->frees <= counts->allocs &&
	       counts->free_bytes <= counts->alloc_bytes &&
	       counts->alloc_bytes < (UINT64_C(1) << 60) && counts->allocs < (UINT64_C(1) << 44);
}

/* ---- to the model: buckets of one stack, but different sizes, share a cell ---- */

static int compare(const void *left, const void *right)
{
	const struct share *a = left;
	const struct share *b = right;

	return (a->cell > b->cell) - (a->cell < b->cell);
}

static void add_sum(struct cs_heap_sum *to, const struct cs_heap_sum *sum)
{
	to->alloc_objects += sum->alloc_objects;
	to->alloc_bytes += sum->alloc_bytes;
	to->free_objects += sum->free_objects;
	to->free_bytes += sum->free_bytes;
	to->samples += sum->samples;
	to->live_samples += sum->live_samples;
	to->alloc_objects_var += sum->alloc_objects_var;
	to->alloc_bytes_var += sum->alloc_bytes_var;
	to->free_objects_var += sum->free_objects_var;
	to->free_bytes_var += sum->free_bytes_var;
}

static void set_cells(struct cs_observation *observation, struct share *shares, size_t count)
{
	if (count)
		qsort(shares, count, sizeof(*shares), compare);
	for (size_t i = 0; i < count;) {
		struct share whole = shares[i];

		for (i++; i < count && shares[i].cell == whole.cell; i++)
			add_sum(&whole.sum, &shares[i].sum);
		cs_model_heap_set(observation->model, whole.cell, &whole.sum);
	}
}

static int tell(struct cs_observation *observation, const struct cs_go_buckets *buckets,
                uint64_t rate)
{
	struct cs_go *go = observation->go;
	struct share *shares = calloc(buckets->count + 1, sizeof(*shares));
	uint32_t cycle = read_cycle(go);
	size_t count = 0;
	bool all = true;

	if (!shares)
		return -ENOMEM;
	for (size_t i = 0; i < buckets->count && all; i++) {
		struct counts total = total_of(go, &buckets->at[i], cycle, false);

		all = !total.allocs && !total.frees;
	}
	for (size_t i = 0; i < buckets->count; i++) {
		struct counts total = total_of(go, &buckets->at[i], cycle, all);
		uint32_t cell = buckets->at[i].node && is_possible(&total)
		                        ? cs_model_cell(observation->model, observation->process, 0,
		                                        buckets->at[i].node)
		                        : 0;

		if (cell)
			shares[count++] = (struct share){cell, sum_of(&total, rate)};
	}
	set_cells(observation, shares, count);
	free(shares);
	return 0;
}

static void note_rate(struct cs_observation *observation, uint64_t rate)
{
	struct cs_process *process = cs_model_process_at(observation->model, observation->process);
	uint32_t figure = cs_model_figure(observation->model, observation->process,
	                                  "go.profile.memory_rate", CS_UNIT_BYTES);

	if (figure)
		cs_model_figure_set(observation->model, figure, (double)rate);
	if (!process || process->heap_mean_bytes == rate)
		return;
	process->heap_mean_bytes = rate;
	cs_model_process_changed(observation->model, observation->process);
}

static bool is_turned_off(struct cs_go *go)
{
	uint8_t off = 0;

	return go->variables.no_profile &&
	       cs_go_read_u8(&go->memory, go->variables.no_profile, &off) && off;
}

int cs_go_heap_tell(struct cs_observation *observation, const char **why)
{
	struct cs_go *go = observation->go;
	struct cs_go_buckets buckets;
	uint64_t rate = RATE_DEFAULT;
	int error = cs_go_buckets_read(&buckets, go, &observation->names,
	                               go->variables.memory_buckets, CS_GO_BUCKETS_MEMORY);

	*why = NULL;
	if (error)
		return error;
	if (go->variables.memory_rate)
		cs_go_read_u64(&go->memory, go->variables.memory_rate, &rate);
	if (!go->variables.memory_buckets)
		*why = "its heap profile was not found";
	/* What was allocated before the rate was set to 0 may have been sampled. */
	else if (is_turned_off(go) || (!buckets.count && (!rate || !go->variables.memory_rate)))
		*why = "its linker left the heap profile out because the program does not use it "
		       "(runtime.MemProfileRate is 0)";
	else if (!buckets.count)
		*why = "its heap profile is empty yet";
	if (!*why) {
		note_rate(observation, rate ? rate : RATE_DEFAULT);
		error = tell(observation, &buckets, rate ? rate : RATE_DEFAULT);
	}
	cs_go_buckets_free(&buckets);
	return error;
}
