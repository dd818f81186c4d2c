/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is a ring's file, if it starts like one: header, lanes, records. Else it is what
 * two lanes hold, behind a byte that says where the second begins (in 16 bytes): small inputs
 * in which nearly every byte matters. Either is read as far as records in the making allow,
 * then to its end.
 */
#include <stdlib.h>
#include <string.h>

#include "source/agent.h"
#include "source/merge.h"
#include "source/ring.h"
#include "wire/session.h"

#define LANE_BYTES 4096u
#define MEMORY_BYTES (CS_RING_HEADER_BYTES + 2 * (LANE_BYTES + CS_LANE_HEADER_BYTES))

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

static void read_memory(uint8_t *memory, size_t size)
{
	struct cs_ring_reader *ring = cs_ring_open_memory(memory, size, NULL);

	if (ring)
		read_ring(ring);
	cs_ring_close(ring);
}

/* ---- two lanes ---- */

static void fill_lane(uint8_t *memory, uint32_t index, const uint8_t *data, size_t size)
{
	struct cs_lane *lane = (struct cs_lane *)(memory + CS_RING_HEADER_BYTES +
	                                          index * (LANE_BYTES + CS_LANE_HEADER_BYTES));

	if (size > LANE_BYTES)
		size = LANE_BYTES;
	memcpy((uint8_t *)lane + CS_LANE_HEADER_BYTES, data, size);
	atomic_store(&lane->head, size & ~(size_t)7);
	atomic_store(&lane->tid, index + 1);
	atomic_store(&lane->bytes, LANE_BYTES);
}

static void read_lanes(uint8_t *memory, const uint8_t *data, size_t size)
{
	struct cs_ring *ring = (struct cs_ring *)memory;
	size_t split = (size_t)data[0] * 16;

	if (split > size - 1)
		split = size - 1;
	memset(memory, 0, MEMORY_BYTES);
	ring->magic = CS_RING_MAGIC;
	ring->version = CS_WIRE_VERSION;
	ring->header_bytes = CS_RING_HEADER_BYTES;
	ring->lane_bytes = LANE_BYTES;
	ring->lane_stride = LANE_BYTES + CS_LANE_HEADER_BYTES;
	ring->clock = CS_CLOCK_TSC;
	ring->heap_mean_bytes = size % 3 ? CS_HEAP_ALL : CS_HEAP_MEAN_DEFAULT;
	atomic_store(&ring->lane_count, 2);
	fill_lane(memory, 0, data + 1, split);
	fill_lane(memory, 1, data + 1 + split, size - 1 - split);
	read_memory(memory, MEMORY_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint64_t magic = CS_RING_MAGIC;
	bool file = size >= sizeof(magic) && !memcmp(data, &magic, sizeof(magic));
	void *memory;

	if (size == 0)
		return 0;
	/* Aligned as a mapping is; a file is as large as the input, to the byte. */
	if (posix_memalign(&memory, 4096, file ? size : MEMORY_BYTES))
		return 0;
	if (file)
		read_memory(memcpy(memory, data, size), size);
	else
		read_lanes(memory, data, size);
	free(memory);
	return 0;
}
