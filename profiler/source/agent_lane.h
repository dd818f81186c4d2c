/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the decoder: what it keeps for a lane, and the definitions (threads, modules,
 * stacks) that allocations refer to.
 */
#ifndef CS_SOURCE_AGENT_LANE_H
#define CS_SOURCE_AGENT_LANE_H

#include "source/agent.h"

/* Stack to cell, direct mapped: grows with the stacks that a lane brings. */
struct cs_agent_cell {
	uint64_t hash;
	uint32_t spawn; /* of the coroutine */
	uint32_t cell;  /* 0: empty */
};

struct cs_agent_lane {
	uint32_t thread;       /* of the model, whose records these are; 0 not known yet */
	uint32_t thread_index; /* in agent->threads */
	uint64_t number;       /* of the coroutine that it speaks of; 0 none */
	uint32_t coroutine;    /* of the model, valid while it is that number's; 0 not known */
	uint32_t spawn;        /* node: where that one was created */
	bool unmapped;         /* the last UNMAP took away something anonymous */
	const void *ahead;     /* up to here blocks are prefetched … */
	uint32_t ahead_fetch;  /* … while nothing new has been fetched */
	struct cs_agent_cell *cells;
	uint32_t cell_mask; /* how many there are, less 1 */
	uint32_t misses;    /* since the cache was made or has grown */
};

/* Made at the first call. NULL: no memory. */
struct cs_agent_lane *cs_agent_lane(struct cs_lane_reader *lane);
void cs_agent_lane_free(struct cs_lane_reader *lane);

/* The lane's thread is what its header says. */
void cs_agent_check_owner(struct cs_agent *agent, struct cs_lane_reader *lane,
                          struct cs_agent_lane *state);

void cs_agent_thread(struct cs_agent *agent, struct cs_agent_lane *state,
                     const struct cs_record_thread *record, uint64_t time_ns);
void cs_agent_module(struct cs_agent *agent, const struct cs_record_module *record);
void cs_agent_stack(struct cs_agent *agent, const struct cs_record_stack *record);

/* The node of the stack HASH; 0: none. *WHOLE: its definition was not lost. */
uint32_t cs_agent_node(struct cs_agent *agent, uint64_t hash, bool *whole);

/* Who is there is told by a table as well: it is asked now. */
void cs_agent_roster_start(struct cs_agent *agent);
/* A record of kind CORO_…, all of which begin with a number. */
void cs_agent_coroutine(struct cs_agent *agent, struct cs_agent_lane *state,
                        const struct cs_record *record, uint64_t time_ns);

/* The coroutine that the lane speaks of, if it still has its slot; else 0. */
static inline uint32_t cs_agent_lane_coroutine(const struct cs_agent *agent,
                                               const struct cs_agent_lane *state)
{
	const struct cs_coroutine *coroutine;

	if (!state->coroutine)
		return 0;
	coroutine = cs_model_coroutine_at(agent->world->model, state->coroutine);
	return coroutine && coroutine->number == state->number &&
	                       coroutine->process == agent->process
	               ? state->coroutine
	               : 0;
}

uint32_t cs_agent_cell_slow(struct cs_agent *agent, struct cs_agent_lane *state, uint64_t hash);

static inline struct cs_agent_cell *cs_agent_cell_at(struct cs_agent_lane *state, uint64_t hash,
                                                     uint32_t spawn)
{
	/* The same stack of coroutines of several sites: each has its place. */
	uint32_t mixed = (uint32_t)(hash ^ hash >> 32) ^ spawn * UINT32_C(0x9e3779b1);

	return &state->cells[mixed & state->cell_mask];
}

/* The cell of the lane's thread at the stack HASH; 0: no memory. */
static inline uint32_t cs_agent_cell(struct cs_agent *agent, struct cs_agent_lane *state,
                                     uint64_t hash)
{
	const struct cs_agent_cell *known = cs_agent_cell_at(state, hash, state->spawn);

	if (known->hash == hash && known->spawn == state->spawn && known->cell)
		return known->cell;
	return cs_agent_cell_slow(agent, state, hash);
}

#endif
