/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations and frees are all but a few of the records: their path is a cache per lane from
 * stack hash to cell, the books, and nothing else. The books' lines are brought into the
 * cache some records ahead.
 */
#include "source/agent.h"

#include <stdlib.h>
#include <string.h>

#include "source/agent_lane.h"

/* How far ahead of the record at work its successors' blocks are prefetched. */
#define AHEAD_RECORDS 12

/* No block is larger than the address space. */
#define SIZE_MAX_BYTES (UINT64_C(1) << 47)

/* ---- time ---- */

/* Never backwards, never beyond the present. */
static inline uint64_t time_of(struct cs_agent *agent, const struct cs_record *record)
{
	uint64_t ns = cs_clock_ns(agent->world->clock, agent->info->clock, record->stamp);

	if (ns > agent->latest_ns)
		ns = agent->latest_ns;
	if (ns > agent->time_ns)
		agent->time_ns = ns;
	return agent->time_ns;
}

/* ---- heap ---- */

static void alloc(struct cs_agent *agent, struct cs_agent_lane *state,
                  const struct cs_record *record, uint64_t size)
{
	const struct cs_record_alloc *what = (const struct cs_record_alloc *)record;
	uint32_t cell = cs_agent_cell(agent, state, what->stack);
	uint32_t coroutine = cs_agent_lane_coroutine(agent, state);
	uint64_t at_ns = time_of(agent, record);

	if (!agent->books)
		return;
	if (size > SIZE_MAX_BYTES || !cell ||
	    cs_books_alloc_by(agent->books, state->thread, coroutine, cell, what->address, size,
	                      at_ns))
		agent->unbooked++;
	else if (coroutine)
		cs_model_coroutine_seen(agent->world->model, coroutine,
		                        cs_model_cell_at(agent->world->model, cell)->node, at_ns);
}

static void release(struct cs_agent *agent, struct cs_agent_lane *state,
                    const struct cs_record *record, bool by_realloc)
{
	const struct cs_record_free *what = (const struct cs_record_free *)record;

	if (!agent->books)
		return;
	cs_books_release(agent->books, state->thread, what->address, by_realloc,
	                 time_of(agent, record));
}

static void restore(struct cs_agent *agent, struct cs_agent_lane *state,
                    const struct cs_record *record)
{
	const struct cs_record_free *what = (const struct cs_record_free *)record;

	if (!agent->books)
		return;
	cs_books_restore(agent->books, state->thread, what->address, time_of(agent, record));
}

/*
 * mremap is told as an UNMAP and a MAP that says "moved": it is anonymous if what was taken
 * away just before was.
 */
static void map(struct cs_agent *agent, struct cs_agent_lane *state, const struct cs_record *record)
{
	const struct cs_record_map *what = (const struct cs_record_map *)record;
	uint64_t end = what->address + what->bytes;
	bool anonymous = record->arg & CS_MAP_ANONYMOUS;

	if (!agent->books || end < what->address)
		return;
	if (record->kind == CS_RECORD_UNMAP)
		state->unmapped = cs_books_mapped_within(agent->books, what->address, end) > 0;
	else if (record->arg & CS_MAP_MOVED)
		anonymous = state->unmapped;
	cs_books_unmap(agent->books, what->address, what->bytes);
	if (record->kind == CS_RECORD_MAP && anonymous &&
	    cs_books_map(agent->books, what->address, what->bytes))
		agent->unbooked++;
}

/* ---- the rest ---- */

static void lost(struct cs_agent *agent, struct cs_lane_reader *lane, struct cs_agent_lane *state,
                 const struct cs_record *record)
{
	const struct cs_record_lost *what = (const struct cs_record_lost *)record;
	struct cs_process *process = cs_model_process_at(agent->world->model, agent->process);
	uint64_t to_ns = time_of(agent, record);
	uint64_t from_ns = cs_clock_ns(agent->world->clock, agent->info->clock, what->first_stamp);

	if (what->count == 0)
		return;
	agent->lost_told += what->count;
	/* The lane's own counter may have told of it before. */
	if (process->lost < agent->lost_told)
		process->lost = agent->lost_told;
	process->heap_inexact = true;
	cs_model_process_changed(agent->world->model, agent->process);
	if (agent->world->writer)
		cs_trace_write_loss(agent->world->writer, agent->process,
		                    from_ns < to_ns ? from_ns : to_ns, to_ns, what->count);
	/* What told of a new owner may be among it. */
	cs_agent_check_owner(agent, lane, state);
}

static void process_end(struct cs_agent *agent, const struct cs_record *record)
{
	const struct cs_record_process_end *what = (const struct cs_record_process_end *)record;
	struct cs_process *process = cs_model_process_at(agent->world->model, agent->process);

	process->end_seen = true;
	process->end_rss_bytes = what->rss_bytes;
	process->rss_peak_bytes = what->rss_peak_bytes;
	process->brk_bytes = what->brk_bytes;
	process->cpu_ns = what->cpu_ns;
	cs_model_process_changed(agent->world->model, agent->process);
}

static void rare(struct cs_agent *agent, struct cs_lane_reader *lane, struct cs_agent_lane *state,
                 const struct cs_record *record)
{
	switch (record->kind) {
	case CS_RECORD_LOST:
		lost(agent, lane, state, record);
		break;
	case CS_RECORD_THREAD_START:
	case CS_RECORD_THREAD_NAME:
	case CS_RECORD_THREAD_END:
		cs_agent_thread(agent, state, (const struct cs_record_thread *)record,
		                time_of(agent, record));
		break;
	case CS_RECORD_MODULE:
		cs_agent_module(agent, (const struct cs_record_module *)record);
		break;
	case CS_RECORD_MODULE_GONE:
		cs_module_map_remove(&agent->modules, record->arg);
		break;
	case CS_RECORD_STACK:
		cs_agent_stack(agent, (const struct cs_record_stack *)record);
		break;
	case CS_RECORD_RESTORE:
		restore(agent, state, record);
		break;
	case CS_RECORD_MAP:
	case CS_RECORD_UNMAP:
		map(agent, state, record);
		break;
	case CS_RECORD_PROCESS_END:
		process_end(agent, record);
		break;
	case CS_RECORD_CORO_LANE:
	case CS_RECORD_CORO_CREATE:
	case CS_RECORD_CORO_END:
	case CS_RECORD_CORO_TEXT:
	case CS_RECORD_CORO_SWITCH:
	case CS_RECORD_CORO_WAKE:
		cs_agent_coroutine(agent, state, record, time_of(agent, record));
		break;
	case CS_RECORD_FORK:
		if (agent->books)
			cs_forks_add(&agent->forks, agent->books, record->stamp);
		break;
	default:
		break; /* SKIP, or of a later version */
	}
}

static void event(struct cs_agent *agent, struct cs_lane_reader *lane, struct cs_agent_lane *state,
                  const struct cs_record *record)
{
	/* A lane that speaks before it has said for whom: its THREAD_START was lost. */
	if (!state->thread && record->kind != CS_RECORD_THREAD_START)
		cs_agent_check_owner(agent, lane, state);
	switch (record->kind) {
	case CS_RECORD_ALLOC:
		alloc(agent, state, record, record->arg);
		break;
	case CS_RECORD_ALLOC_LONG:
		alloc(agent, state, record, ((const struct cs_record_alloc_long *)record)->size);
		break;
	case CS_RECORD_FREE:
		release(agent, state, record, false);
		break;
	case CS_RECORD_RELEASE:
		release(agent, state, record, true);
		break;
	default:
		rare(agent, lane, state, record);
	}
}

/* Of every record that has a block, its address comes first; for others it does no harm. */
static inline const struct cs_record *prefetch(const struct cs_agent *agent,
                                               const struct cs_record *ahead,
                                               const struct cs_record *end)
{
	if (ahead >= end)
		return ahead;
	if (ahead->bytes >= sizeof(struct cs_record_free))
		cs_books_prefetch(agent->books, ((const struct cs_record_free *)ahead)->address);
	return cs_record_next(ahead);
}

void cs_agent_visit(void *context, struct cs_lane_reader *lane, const struct cs_record *first,
                    const struct cs_record *end)
{
	struct cs_agent *agent = context;
	struct cs_agent_lane *state = cs_agent_lane(lane);
	/* Beyond this run as well: what is ready in the lane comes next. */
	const struct cs_record *limit = (struct cs_record *)(lane->buffer + lane->ready);
	const struct cs_record *ahead = agent->books ? first : limit;

	if (!state) {
		agent->unbooked++;
		return;
	}
	if (state->ahead > (const void *)first && state->ahead <= (const void *)limit &&
	    state->ahead_fetch == lane->fetches)
		ahead = state->ahead;
	else
		for (int i = 0; i < AHEAD_RECORDS; i++)
			ahead = prefetch(agent, ahead, limit);
	for (const struct cs_record *at = first; at < end; at = cs_record_next(at)) {
		ahead = prefetch(agent, ahead, limit);
		event(agent, lane, state, at);
	}
	state->ahead = ahead;
	state->ahead_fetch = lane->fetches;
}

/* ---- life ---- */

/* From the moment of the fork if its parent has told it, else from this one. */
static struct cs_books *inherit(struct cs_agent *agent, const struct cs_agent *parent,
                                uint64_t fork_stamp)
{
	const struct cs_books *then = cs_forks_find(&parent->forks, fork_stamp);

	return cs_books_fork(then ? then : parent->books, agent->process);
}

static struct cs_agent *make(const struct cs_agent_world *world, const struct cs_ring_info *info,
                             uint32_t process, uint32_t host_pid)
{
	struct cs_agent *agent = calloc(1, sizeof(*agent));

	if (!agent)
		return NULL;
	agent->world = world;
	agent->info = info;
	agent->host_pid = host_pid;
	agent->latest_ns = UINT64_MAX;
	agent->process = process;
	return agent;
}

/* Once it is known whose books it keeps. */
static struct cs_agent *made(struct cs_agent *agent, bool whole)
{
	if (!agent->process || (!agent->books && agent->info->heap_mean_bytes))
		whole = false;
	if (!whole) {
		cs_agent_free(agent, NULL);
		return NULL;
	}
	cs_agent_roster_start(agent);
	return agent;
}

struct cs_agent *cs_agent_new(const struct cs_agent_world *world, const struct cs_ring_info *info,
                              const struct cs_process *start, uint32_t host_pid,
                              const struct cs_agent *parent)
{
	struct cs_agent *agent = make(world, info, cs_model_process(world->model, start), host_pid);

	if (!agent)
		return NULL;
	agent->time_ns = start->start_ns;
	if (!agent->process)
		return made(agent, false);
	if (parent && parent->books)
		agent->books = inherit(agent, parent, info->fork_stamp);
	else if (info->heap_mean_bytes)
		agent->books = cs_books_new(world->model, agent->process, info->heap_mean_bytes);
	return made(agent, !parent || cs_module_map_copy(&agent->modules, &parent->modules) == 0);
}

struct cs_agent *cs_agent_of(const struct cs_agent_world *world, const struct cs_ring_info *info,
                             uint32_t process, uint32_t host_pid)
{
	struct cs_agent *agent = make(world, info, process, host_pid);

	if (agent && info->heap_mean_bytes)
		agent->books = cs_books_new(world->model, process, info->heap_mean_bytes);
	return agent ? made(agent, true) : NULL;
}

void cs_agent_free(struct cs_agent *agent, struct cs_ring_reader *ring)
{
	if (!agent)
		return;
	for (uint32_t i = 0; ring && i < ring->lane_count; i++)
		cs_agent_lane_free(ring->lanes[i]);
	cs_books_free(agent->books);
	cs_forks_free(&agent->forks);
	cs_roster_free(&agent->roster);
	cs_parked_free(agent->parked);
	cs_stackmap_free(&agent->stacks);
	cs_module_map_free(&agent->modules);
	free(agent->threads);
	free(agent);
}

void cs_agent_end(struct cs_agent *agent, uint64_t time_ns)
{
	struct cs_model *model = agent->world->model;
	struct cs_process *process = cs_model_process_at(model, agent->process);

	if (time_ns < agent->time_ns)
		time_ns = agent->time_ns;
	for (uint32_t i = 0; i < agent->thread_count; i++) {
		if (agent->threads[i].ended)
			continue;
		agent->threads[i].ended = true;
		cs_model_thread_at(model, agent->threads[i].id)->end_ns = time_ns;
		cs_model_thread_changed(model, agent->threads[i].id);
	}
	process->ended = true;
	process->end_ns = time_ns;
	cs_model_process_changed(model, agent->process);
}
