/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the runtime counts: its scheduler and its memory. A figure whose place was not found is
 * absent.
 */
#include <string.h>

#include "go/observation.h"
#include "model/tally.h"

#define PROCESSORS_MAX 4096u
#define QUEUE_MAX 256u
#define GENERATIONS 3u
#define PAUSES 256u

static void set(struct cs_observation *observation, const char *name, enum cs_unit unit,
                double value)
{
	uint32_t id = cs_model_figure(observation->model, observation->process, name, unit);

	if (id)
		cs_model_figure_set(observation->model, id, value);
}

static void set_count(struct cs_observation *observation, const char *name, uint64_t value)
{
	set(observation, name, CS_UNIT_COUNT, (double)value);
}

static void set_bytes(struct cs_observation *observation, const char *name, uint64_t value)
{
	set(observation, name, CS_UNIT_BYTES, (double)value);
}

/* ---- scheduler ---- */

struct processors {
	uint64_t count, by_status[8];
	uint64_t queued, longest;
	uint64_t ticks, syscall_ticks;
};

static void read_processors(struct cs_go *go, struct processors *out)
{
	const struct cs_go_layout *layout = &go->layout;
	unsigned char p[CS_GO_P_BYTES];
	uint64_t slice[3];

	if (!go->variables.allp ||
	    cs_go_read(&go->memory, go->variables.allp, slice, sizeof(slice)) ||
	    slice[1] > PROCESSORS_MAX)
		return;
	for (uint64_t i = 0; i < slice[1]; i++) {
		uint64_t address, next = 0;

		if (!cs_go_read_u64(&go->memory, slice[0] + i * 8, &address) ||
		    cs_go_read(&go->memory, address, p, sizeof(p)))
			continue;
		uint32_t status = cs_go_u32(p, 4);
		uint32_t length =
			cs_go_u32(p, layout->p_queue_tail) - cs_go_u32(p, layout->p_queue_head);

		cs_go_read_u64(&go->memory, address + layout->p_next, &next);
		/* Head and tail move while we read them. */
		length = length <= QUEUE_MAX ? length : 0;
		length += next != 0;
		out->count++;
		out->by_status[status & 7]++;
		out->queued += length;
		out->longest = length > out->longest ? length : out->longest;
		out->ticks += cs_go_u32(p, layout->p_ticks);
		out->syscall_ticks += cs_go_u32(p, layout->p_syscall_ticks);
	}
}

static void tell_processors(struct cs_observation *observation)
{
	struct processors processors = {0};

	read_processors(observation->go, &processors);
	if (!processors.count)
		return;
	set_count(observation, "go.sched.gomaxprocs", processors.count);
	set_count(observation, "go.sched.running_ps", processors.by_status[1]);
	set_count(observation, "go.sched.local_queue", processors.queued);
	set_count(observation, "go.sched.longest_local_queue", processors.longest);
	set_count(observation, "go.sched.ticks", processors.ticks);
	set_count(observation, "go.sched.syscall_ticks", processors.syscall_ticks);
}

static void tell_scheduler(struct cs_observation *observation)
{
	struct cs_go *go = observation->go;
	const struct cs_go_layout *layout = &go->layout;
	unsigned char sched[CS_GO_SCHED_BYTES];
	const struct {
		const char *name;
		uint32_t offset;
	} counts[] = {
		{"go.sched.idle_ps", layout->sched_idle_ps},
		{"go.sched.idle_threads", layout->sched_idle_ms},
		{"go.sched.spinning_threads", layout->sched_spinning_ms},
		{"go.sched.global_queue", layout->sched_queue_size},
		{"go.sched.stop_requested", layout->sched_gc_waiting},
	};

	if (!go->variables.sched ||
	    cs_go_read(&go->memory, go->variables.sched, sched, sizeof(sched)))
		return;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		set_count(observation, counts[i].name, cs_go_u32(sched, counts[i].offset));
	set_count(observation, "go.sched.threads",
	          cs_go_u64(sched, layout->sched_mnext) - cs_go_u64(sched, layout->sched_freed_ms));
	set_count(observation, "go.sched.goroutine_structs", observation->goroutines.listed);
}

/* ---- memory ---- */

/* gcController's counters, which lie in a row from heapInUse on. */
struct heap_counters {
	uint64_t in_use, released, free, total_alloc, total_free;
};

/* Stacks and other things that are taken from the heap, over the three generations. */
static uint64_t sum_statistics(const struct cs_go *go, const unsigned char *stats, uint32_t offset)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; offset != CS_GO_ABSENT && i < GENERATIONS; i++)
		sum += cs_go_u64(stats, (uint64_t)i * go->layout.heap_stats_bytes + offset);
	return sum;
}

static void tell_heap(struct cs_observation *observation, const struct heap_counters *heap)
{
	set_bytes(observation, "go.mem.heap_inuse", heap->in_use);
	set_bytes(observation, "go.mem.heap_released", heap->released);
	set_bytes(observation, "go.mem.heap_idle", heap->free + heap->released);
	set_bytes(observation, "go.mem.heap_sys", heap->in_use + heap->free + heap->released);
	if (!heap->total_alloc) /* 1.18 counts by size */
		return;
	/* Each processor adds what it has allocated when it takes new memory. */
	set_bytes(observation, "go.mem.heap_alloc_as_of_flush",
	          heap->total_alloc > heap->total_free ? heap->total_alloc - heap->total_free : 0);
	set_bytes(observation, "go.mem.total_alloc_as_of_flush", heap->total_alloc);
}

static void tell_system(struct cs_observation *observation, const struct heap_counters *heap)
{
	struct cs_go *go = observation->go;
	const struct cs_go_layout *layout = &go->layout;
	const uint32_t parts[] = {layout->ms_stacks_sys, layout->ms_mspan_sys,
	                          layout->ms_mcache_sys, layout->ms_buckhash_sys,
	                          layout->ms_gcmisc_sys, layout->ms_other_sys};
	unsigned char stats[GENERATIONS * 1280];
	uint64_t sum = heap->in_use + heap->free + heap->released, part;

	if (layout->heap_stats_bytes > sizeof(stats) / GENERATIONS ||
	    cs_go_read(&go->memory, go->variables.memstats + layout->ms_heap_stats, stats,
	               (size_t)GENERATIONS * layout->heap_stats_bytes))
		return;
	uint64_t stacks = sum_statistics(go, stats, layout->hs_stacks);

	sum += stacks + sum_statistics(go, stats, layout->hs_work_bufs) +
	       sum_statistics(go, stats, layout->hs_scalar_bits);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (cs_go_read_u64(&go->memory, go->variables.memstats + parts[i], &part))
			sum += part;
	set_bytes(observation, "go.mem.stack_inuse", stacks);
	set_bytes(observation, "go.mem.sys", sum);
}

static void tell_collector(struct cs_observation *observation)
{
	struct cs_go *go = observation->go;
	const struct cs_go_layout *layout = &go->layout;
	uint64_t base = go->variables.memstats, pause_total, last, pause;
	uint32_t collections, forced;
	double share;

	if (!cs_go_read_u32(&go->memory, base + layout->ms_numgc, &collections) ||
	    !cs_go_read_u32(&go->memory, base + layout->ms_numforcedgc, &forced) ||
	    !cs_go_read_u64(&go->memory, base + layout->ms_pause_total, &pause_total) ||
	    cs_go_read(&go->memory, base + layout->ms_gc_cpu, &share, sizeof(share)))
		return;
	set_count(observation, "go.gc.cycles", collections);
	set_count(observation, "go.gc.forced", forced);
	set(observation, "go.gc.pause_total", CS_UNIT_NS, (double)pause_total);
	if (share >= 0 && share <= 1)
		set(observation, "go.gc.cpu_fraction", CS_UNIT_RATIO, share);
	if (collections &&
	    cs_go_read_u64(&go->memory,
	                   base + layout->ms_pause_ns + (uint64_t)((collections - 1) % PAUSES) * 8,
	                   &pause))
		set(observation, "go.gc.last_pause", CS_UNIT_NS, (double)pause);
	if (collections && cs_go_read_u64(&go->memory, base + layout->ms_last_gc, &last))
		set(observation, "go.gc.last_end_unix", CS_UNIT_NS, (double)last);
}

/* 1.18 keeps them in memstats: the whole, and two parts of it. */
static bool read_heap(struct cs_go *go, struct heap_counters *heap)
{
	const struct cs_go_layout *layout = &go->layout;
	uint64_t base = go->variables.memstats, whole;

	*heap = (struct heap_counters){0};
	if (go->variables.heap_in_use)
		return cs_go_read(&go->memory, go->variables.heap_in_use, heap, sizeof(*heap)) == 0;
	if (!base || layout->ms_heap_sys == CS_GO_ABSENT ||
	    !cs_go_read_u64(&go->memory, base + layout->ms_heap_sys, &whole) ||
	    !cs_go_read_u64(&go->memory, base + layout->ms_heap_inuse, &heap->in_use) ||
	    !cs_go_read_u64(&go->memory, base + layout->ms_heap_released, &heap->released) ||
	    heap->in_use > whole || heap->released > whole - heap->in_use)
		return false;
	heap->free = whole - heap->in_use - heap->released;
	return true;
}

static void tell_memory(struct cs_observation *observation)
{
	struct cs_go *go = observation->go;
	struct heap_counters heap;

	if (read_heap(go, &heap)) {
		tell_heap(observation, &heap);
		if (go->variables.memstats)
			tell_system(observation, &heap);
	}
	if (go->variables.memstats)
		tell_collector(observation);
}

void cs_go_figures_tell(struct cs_observation *observation)
{
	tell_processors(observation);
	tell_scheduler(observation);
	tell_memory(observation);
}
