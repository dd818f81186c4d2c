/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is a ring's file: header, lanes, records. It is read as far as the lanes that are
 * in the making allow, then to its end.
 */
#include <stdlib.h>
#include <string.h>

#include "source/agent.h"
#include "source/merge.h"
#include "source/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(struct cs_ring_reader *ring, struct cs_merge *merge, struct cs_agent *agent,
                  uint64_t bound)
{
	cs_ring_look(ring, 0);
	cs_merge_drain(merge, ring, bound, cs_agent_visit, agent);
}

static void read_ring(struct cs_ring_reader *ring)
{
	struct cs_clock clock;
	struct cs_merge merge = {0};
	struct cs_process start = {.pid = 1, .executable = ring->info.executable};
	struct cs_agent_world world = {.model = cs_model_new(), .clock = &clock};
	struct cs_agent *agent;

	cs_clock_start(&clock);
	start.heap_mean_bytes = ring->info.heap_mean_bytes;
	agent = cs_agent_new(&world, &ring->info, &start, 1, NULL);
	if (agent) {
		cs_ring_look(ring, 0);
		drain(ring, &merge, agent, cs_merge_bound(ring, UINT64_MAX / 2));
		drain(ring, &merge, agent, UINT64_MAX);
		cs_ring_totals(ring);
		cs_agent_end(agent, 1);
	}
	cs_agent_free(agent, ring);
	cs_merge_free(&merge);
	cs_model_free(world.model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cs_ring_reader *ring;
	uint8_t *copy;

	/* Aligned as a mapping is, and as large as the input to the byte. */
	if (size < 8 || posix_memalign((void **)&copy, 4096, size))
		return 0;
	memcpy(copy, data, size);
	ring = cs_ring_open_memory(copy, size, NULL);
	if (ring)
		read_ring(ring);
	cs_ring_close(ring);
	free(copy);
	return 0;
}
