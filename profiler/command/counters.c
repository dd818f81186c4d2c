/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row for each enum cs_agent_counter; a test finds the one that has none.
 */
#include "command/counters.h"

#include <stddef.h>

#include "wire/ring.h"

static const struct cs_counter_info infos[] = {
	[CS_AGENT_SAMPLES] = {"samples", "allocations recorded", CS_COUNTER_COUNT, false},
	[CS_AGENT_WAITS] = {"waits", "waits of a thread for the reader", CS_COUNTER_COUNT, false},
	[CS_AGENT_WAIT_NS] = {"wait_ns", "waited for the reader in all", CS_COUNTER_NS, false},
	[CS_AGENT_WAIT_MAX_NS] = {"wait_max_ns", "was the longest wait", CS_COUNTER_NS, false},
	[CS_AGENT_NO_LANE] = {"no_lane", "events lost because a thread could get no lane",
                              CS_COUNTER_COUNT, true},
	[CS_AGENT_LIVE_FULL] = {"live_full", "samples whose free could not be followed",
                                CS_COUNTER_COUNT, true},
	[CS_AGENT_STACK_CUT] = {"stack_cut", "stacks that end before their outermost call",
                                CS_COUNTER_COUNT, true},
	[CS_AGENT_STACK_FOREIGN] = {"stack_foreign", "stacks outside their thread's own stack",
                                    CS_COUNTER_COUNT, false},
	[CS_AGENT_STACK_NONE] = {"stack_none", "events in a signal handler, without a stack",
                                 CS_COUNTER_COUNT, true},
	[CS_AGENT_GUARD_RESET] = {"guard_reset", "hooks left by longjmp, and repaired",
                                  CS_COUNTER_COUNT, false},
	[CS_AGENT_ALLOCATOR_MAPPED] = {"allocator_mapped_bytes", "mapped by the allocator",
                                       CS_COUNTER_BYTES, false},
	[CS_AGENT_BRK_GROWTH] = {"brk_growth_bytes", "added by the program's own brk and sbrk",
                                 CS_COUNTER_BYTES, false},
	[CS_AGENT_OWN_BYTES] = {"own_bytes", "used by the agent", CS_COUNTER_BYTES, false},
	[CS_AGENT_SANDBOXED] = {"sandboxed",
                                "entry into a sandbox, after which little or nothing is recorded",
                                CS_COUNTER_COUNT, true},
	[CS_AGENT_CORO_REFUSED] = {"coroutines_refused", "coroutines that could not be followed",
                                   CS_COUNTER_COUNT, true},
	[CS_AGENT_CORO_SHARED] =
		{"coroutines_shared",
                 "stacks on which several coroutines were met, and are counted as one",
                 CS_COUNTER_COUNT, true},
	[CS_AGENT_WAIT_LATE_NS] = {"wait_late_ns",
                                   "more until the busy machine let waiting threads go on",
                                   CS_COUNTER_NS, false},
	[CS_AGENT_LANE_BYTES] = {"lane_bytes", "of rings shared with the reader", CS_COUNTER_BYTES,
                                 false},
	[CS_AGENT_TABLE_BYTES] = {"table_bytes", "at most for the table of known stacks",
                                  CS_COUNTER_BYTES, false},
};

const struct cs_counter_info *cs_counter_info(uint32_t counter)
{
	if (counter >= sizeof(infos) / sizeof(*infos) || !infos[counter].name)
		return NULL;
	return &infos[counter];
}
