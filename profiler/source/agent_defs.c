/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Definitions: threads, modules, stacks. They come before what refers to them, unless they
 * were lost; then a stack ends in "its definition was lost" until it is defined again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/agent_lane.h"

/* More threads than a process can have had in a session that anybody reads. */
#define THREADS_MAX (UINT32_C(1) << 24)

/* Cells of a lane's cache: at first, and at most (128 KiB). */
#define CELLS_FIRST 256u
#define CELLS_MOST 8192u

static struct cs_agent_lane *new_lane(void)
{
	struct cs_agent_lane *state = calloc(1, sizeof(*state));

	if (state)
		state->cells = calloc(CELLS_FIRST, sizeof(*state->cells));
	if (!state || !state->cells) {
		free(state);
		return NULL;
	}
	state->cell_mask = CELLS_FIRST - 1;
	return state;
}

struct cs_agent_lane *cs_agent_lane(struct cs_lane_reader *lane)
{
	if (!lane->user)
		lane->user = new_lane();
	return lane->user;
}

void cs_agent_lane_free(struct cs_lane_reader *lane)
{
	struct cs_agent_lane *state = lane->user;

	if (!state)
		return;
	free(state->cells);
	free(state);
	lane->user = NULL;
}

/* A cache that was missed more often than it is large is too small. */
static void cells_missed(struct cs_agent_lane *state)
{
	uint32_t count = state->cell_mask + 1;
	struct cs_agent_cell *more;

	if (++state->misses <= count || count == CELLS_MOST)
		return;
	state->misses = 0;
	more = calloc(2 * (size_t)count, sizeof(*more));
	if (!more)
		return;
	free(state->cells);
	state->cells = more;
	state->cell_mask = 2 * count - 1;
}

/* ---- threads ---- */

/* A lane's owner was another until now: cells of that one are not this one's. */
static void take_over(struct cs_agent_lane *state, uint32_t thread, uint32_t index)
{
	state->thread = thread;
	state->thread_index = index;
	state->number = state->coroutine = state->spawn = 0;
	memset(state->cells, 0, (state->cell_mask + 1) * sizeof(*state->cells));
}

static struct cs_agent_thread *new_thread(struct cs_agent *agent, uint32_t tid, uint64_t time_ns)
{
	struct cs_agent_thread *thread;

	if (agent->thread_count == agent->thread_capacity) {
		uint32_t capacity = agent->thread_capacity ? agent->thread_capacity * 2 : 4;
		struct cs_agent_thread *threads;

		if (capacity > THREADS_MAX)
			return NULL;
		threads = realloc(agent->threads, capacity * sizeof(*threads));
		if (!threads)
			return NULL;
		agent->threads = threads;
		agent->thread_capacity = capacity;
	}
	thread = &agent->threads[agent->thread_count];
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an element of an array */
	*thread = (struct cs_agent_thread){.tid = tid};
	thread->id = cs_model_thread(agent->world->model, agent->process, tid, time_ns);
	if (!thread->id)
		return NULL;
	agent->thread_count++;
	return thread;
}

/* The youngest one of this number that lives; a number is used again by another thread. */
static struct cs_agent_thread *find_thread(const struct cs_agent *agent, uint32_t tid)
{
	for (uint32_t i = agent->thread_count; i-- > 0;)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): those counted are there */
		if (agent->threads[i].tid == tid && !agent->threads[i].ended)
			return &agent->threads[i];
	return NULL;
}

uint32_t cs_agent_thread_of(struct cs_agent *agent, uint32_t tid, uint64_t time_ns)
{
	struct cs_agent_thread *thread = find_thread(agent, tid);

	if (!thread) {
		thread = new_thread(agent, tid, time_ns);
		if (!thread)
			return 0;
		thread->outside = true;
		agent->outside++;
	}
	return thread->id;
}

/* Its lane begins to speak. */
static struct cs_agent_thread *claim_thread(struct cs_agent *agent, uint32_t tid, uint64_t time_ns)
{
	struct cs_agent_thread *thread = agent->outside ? find_thread(agent, tid) : NULL;
	uint64_t end_ns;

	if (!thread || !thread->outside)
		return NULL;
	thread->outside = false;
	agent->outside--;
	/* It may have ended without a word, and its number be another's now. */
	end_ns = cs_model_thread_at(agent->world->model, thread->id)->end_ns;
	thread->ended = end_ns && time_ns > end_ns;
	return thread->ended ? NULL : thread;
}

static struct cs_agent_thread *begin_thread(struct cs_agent *agent, struct cs_agent_lane *state,
                                            uint32_t tid, uint64_t time_ns)
{
	struct cs_agent_thread *thread = claim_thread(agent, tid, time_ns);

	if (!thread)
		thread = new_thread(agent, tid, time_ns);

	if (thread)
		take_over(state, thread->id, (uint32_t)(thread - agent->threads));
	else
		agent->unbooked++;
	return thread;
}

static void end_thread(struct cs_agent *agent, struct cs_agent_thread *thread, uint64_t time_ns)
{
	thread->ended = true;
	thread->stack_low = thread->stack_high = 0;
	cs_model_thread_at(agent->world->model, thread->id)->end_ns = time_ns;
	cs_model_thread_changed(agent->world->model, thread->id);
}

static struct cs_agent_thread *current(struct cs_agent *agent, struct cs_agent_lane *state)
{
	return state->thread ? &agent->threads[state->thread_index] : NULL;
}

void cs_agent_check_owner(struct cs_agent *agent, struct cs_lane_reader *lane,
                          struct cs_agent_lane *state)
{
	struct cs_agent_thread *thread = current(agent, state);
	uint32_t tid = cs_lane_owner(lane);

	if (thread && (thread->tid == tid || tid == 0))
		return;
	if (thread && !thread->ended)
		end_thread(agent, thread, agent->time_ns);
	begin_thread(agent, state, tid, agent->time_ns);
}

/* What a target calls itself goes to terminals and files: printable characters only. */
static void set_name(struct cs_agent *agent, uint32_t id, const char *name)
{
	struct cs_thread *thread = cs_model_thread_at(agent->world->model, id);
	char clean[sizeof(thread->name)] = "";

	for (size_t i = 0; i + 1 < sizeof(clean) && name[i]; i++)
		clean[i] = name[i] >= 0 && (name[i] < ' ' || name[i] == 0x7f) ? '?' : name[i];
	if (!clean[0] || !strcmp(clean, thread->name))
		return;
	memcpy(thread->name, clean, sizeof(clean));
	cs_model_thread_changed(agent->world->model, id);
}

void cs_agent_name_thread(struct cs_agent *agent, uint32_t index, const char *name)
{
	set_name(agent, agent->threads[index].id, name);
}

void cs_agent_thread(struct cs_agent *agent, struct cs_agent_lane *state,
                     const struct cs_record_thread *record, uint64_t time_ns)
{
	struct cs_agent_thread *thread = current(agent, state);

	/* Told again after a loss, it is still the same thread. */
	if (!thread || thread->tid != record->tid ||
	    (thread->ended && record->head.kind == CS_RECORD_THREAD_START)) {
		if (thread && !thread->ended)
			end_thread(agent, thread, time_ns);
		thread = begin_thread(agent, state, record->tid, time_ns);
		if (!thread)
			return;
	}
	if (record->head.kind == CS_RECORD_THREAD_START && record->stack_low < record->stack_high) {
		thread->stack_low = record->stack_low;
		thread->stack_high = record->stack_high;
	}
	set_name(agent, thread->id, record->name);
	if (record->head.kind == CS_RECORD_THREAD_END && !thread->ended)
		end_thread(agent, thread, time_ns);
}

/* ---- modules ---- */

#define AGENT_FILE "/libcoroscope-agent.so"

static void hand_over_file(struct cs_agent *agent, const struct cs_module_range *range,
                           const char *path)
{
	const struct cs_agent_world *world = agent->world;
	char reopen[4352];
	bool executable = !strcmp(path, agent->info->executable);
	int fd = cs_module_open(agent->host_pid, range, path, executable, reopen, sizeof(reopen));

	world->on_module(world->context, range->module, fd, fd >= 0 ? reopen : path);
}

void cs_agent_module(struct cs_agent *agent, const struct cs_record_module *record)
{
	struct cs_model *model = agent->world->model;
	uint32_t known = cs_model_module_count(model);
	struct cs_module_range range = {
		.start = record->start,
		.end = record->end,
		.bias = record->bias,
		.generation = record->head.arg,
	};
	char path[CS_RECORD_BYTES_MAX + 1];

	memcpy(path, record->path, record->path_bytes);
	path[record->path_bytes] = '\0';
	range.module = cs_model_module(model, path, record->build_id, record->build_id_bytes);
	if (!range.module || cs_module_map_add(&agent->modules, &range)) {
		agent->unbooked++;
		return;
	}
	if (strstr(path, AGENT_FILE))
		agent->own_module = range.module;
	if (agent->world->on_module && range.module > known)
		hand_over_file(agent, &range, path);
}

/* ---- stacks ---- */

static uint32_t mark_node(struct cs_agent *agent, uint32_t parent, enum cs_frame_mark mark)
{
	struct cs_model *model = agent->world->model;

	return cs_model_node(model, parent, cs_model_frame(model, CS_MODULE_NONE, mark));
}

_Static_assert((int)CS_FRAME_CUT_DEPTH == CS_PC_CUT_DEPTH, "marks are passed on as they are");
_Static_assert((int)CS_FRAME_CUT_UNKNOWN == CS_PC_CUT_UNKNOWN, "marks are passed on");
_Static_assert((int)CS_FRAME_GUESSED == CS_PC_GUESSED, "marks are passed on");
_Static_assert((int)CS_FRAME_SIGNAL == CS_PC_SIGNAL, "marks are passed on");

static uint32_t frame_of(struct cs_agent *agent, uint64_t pc)
{
	struct cs_model *model = agent->world->model;
	const struct cs_module_range *range;

	if (pc < CS_FRAME_MARKS)
		return cs_model_frame(model, CS_MODULE_NONE, pc);
	/* A pc is a return address: what called lies before it. */
	range = cs_module_map_find(&agent->modules, pc - 1);
	if (!range)
		return cs_model_frame(model, CS_MODULE_NONE, pc - 1);
	return cs_model_frame(model, range->module, pc - 1 - range->bias);
}

/* A frame of the agent between the program's: it has passed on a call that comes back. */
static bool is_own(struct cs_agent *agent, uint64_t pc)
{
	const struct cs_module_range *range =
		pc < CS_FRAME_MARKS ? NULL : cs_module_map_find(&agent->modules, pc - 1);

	return range && range->module == agent->own_module;
}

void cs_agent_stack(struct cs_agent *agent, const struct cs_record_stack *record)
{
	struct cs_model *model = agent->world->model;
	const struct cs_stackmap_entry *entry = cs_stackmap_find(&agent->stacks, record->parent);
	uint64_t hash = record->parent ? record->parent : cs_stack_root(record->epoch);
	bool broken = record->parent && (!entry || entry->broken);
	uint32_t node = entry ? entry->node : 0;

	if (record->parent && !entry)
		node = mark_node(agent, 0, CS_FRAME_LOST);
	for (uint32_t i = 0; i < record->head.arg; i++) {
		hash = cs_stack_hash(hash, record->pcs[i]);
		entry = cs_stackmap_find(&agent->stacks, hash);
		if (entry && (!entry->broken || broken)) {
			node = entry->node;
			broken = entry->broken;
			continue;
		}
		if (!is_own(agent, record->pcs[i]))
			node = cs_model_node(model, node, frame_of(agent, record->pcs[i]));
		else if (!node) /* nothing outside of it: it stays */
			node = cs_model_node(model, 0, frame_of(agent, record->pcs[i]));
		if (!node || cs_stackmap_set(&agent->stacks, hash, node, broken)) {
			agent->unbooked++;
			return;
		}
	}
}

uint32_t cs_agent_node(struct cs_agent *agent, uint64_t hash, bool *whole)
{
	const struct cs_stackmap_entry *entry = cs_stackmap_find(&agent->stacks, hash);

	*whole = hash == 0 || (entry && !entry->broken);
	if (entry)
		return entry->node;
	if (hash == 0)
		return 0;
	agent->undefined++;
	return mark_node(agent, 0, CS_FRAME_LOST);
}

uint32_t cs_agent_cell_slow(struct cs_agent *agent, struct cs_agent_lane *state, uint64_t hash)
{
	bool whole;
	uint32_t node = cs_agent_node(agent, hash, &whole);
	uint32_t cell = cs_model_spawned_cell(agent->world->model, agent->process, state->thread,
	                                      node, state->spawn);

	/* What is to be defined again must be looked up again. */
	if (whole) {
		cells_missed(state);
		*cs_agent_cell_at(state, hash, state->spawn) =
			(struct cs_agent_cell){hash, state->spawn, cell};
	}
	return cell;
}
