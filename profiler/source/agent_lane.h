/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the decoder: what it keeps for a lane, and the definitions (threads, modules,
 * stacks) that allocations refer to.
 */
#ifndef CS_SOURCE_AGENT_LANE_H
#define CS_SOURCE_AGENT_LANE_H

#include "source/agent.h"

#define CS_CELL_CACHE 512u

struct cs_agent_lane {
	uint32_t thread;       /* of the model, whose records these are; 0 not known yet */
	uint32_t thread_index; /* in agent->threads */
	bool unmapped;         /* the last UNMAP took away something anonymous */
	const void *ahead;     /* up to here blocks are prefetched … */
	uint32_t ahead_fetch;  /* … while nothing new has been fetched */
	struct {
		uint64_t hash;
		uint32_t cell; /* 0: empty */
	} cells[CS_CELL_CACHE];
};

/* Made at the first call. NULL: no memory. */
struct cs_agent_lane *cs_agent_lane(struct cs_lane_reader *lane);

/* The lane's thread is what its header says. */
void cs_agent_check_owner(struct cs_agent *agent, struct cs_lane_reader *lane,
                          struct cs_agent_lane *state);

void cs_agent_thread(struct cs_agent *agent, struct cs_agent_lane *state,
                     const struct cs_record_thread *record, uint64_t time_ns);
void cs_agent_module(struct cs_agent *agent, const struct cs_record_module *record);
void cs_agent_stack(struct cs_agent *agent, const struct cs_record_stack *record);

uint32_t cs_agent_cell_slow(struct cs_agent *agent, struct cs_agent_lane *state, uint64_t hash);

/* The cell of the lane's thread at the stack HASH; 0: no memory. */
static inline uint32_t cs_agent_cell(struct cs_agent *agent, struct cs_agent_lane *state,
                                     uint64_t hash)
{
	uint32_t slot = (uint32_t)(hash ^ hash >> 32) % CS_CELL_CACHE;

	if (state->cells[slot].hash == hash && state->cells[slot].cell)
		return state->cells[slot].cell;
	return cs_agent_cell_slow(agent, state, hash);
}

#endif
