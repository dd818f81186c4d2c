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
	uint32_t cell; /* 0: empty */
};

struct cs_agent_lane {
	uint32_t thread;       /* of the model, whose records these are; 0 not known yet */
	uint32_t thread_index; /* in agent->threads */
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

uint32_t cs_agent_cell_slow(struct cs_agent *agent, struct cs_agent_lane *state, uint64_t hash);

static inline struct cs_agent_cell *cs_agent_cell_at(struct cs_agent_lane *state, uint64_t hash)
{
	return &state->cells[(uint32_t)(hash ^ hash >> 32) & state->cell_mask];
}

/* The cell of the lane's thread at the stack HASH; 0: no memory. */
static inline uint32_t cs_agent_cell(struct cs_agent *agent, struct cs_agent_lane *state,
                                     uint64_t hash)
{
	const struct cs_agent_cell *known = cs_agent_cell_at(state, hash);

	if (known->hash == hash && known->cell)
		return known->cell;
	return cs_agent_cell_slow(agent, state, hash);
}

#endif
