/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one core of the reader does in a second: it takes records of allocations and frees out
 * of lanes that are filled in between, and books them. Links the profiler's libraries and
 * tests/unit/profiler/source/producer.c. Prints one line of JSON for each case.
 *
 *   bench_reader                      all cases
 *   bench_reader THREADS SLOTS        one case, half of the slots for blocks live
 *   bench_reader keep RATE SECONDS    a thread makes RATE events a second for that long, and
 *                                     the reader naps in between, as the recorder does
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "source/agent.h"
#include "unit/profiler/source/producer.h"

#define STACKS 300u
#define DEPTH 20u
#define ROUNDS 41
#define LANE_BYTES (4u << 20)

struct bench {
	struct producer producer;
	struct cs_ring_reader *ring;
	struct cs_merge merge;
	struct cs_agent *agent;
	struct cs_agent_world world;
	struct cs_clock clock;
	uint64_t stacks[STACKS];
	uint64_t live, random, stamp;
	uint8_t *taken; /* slots of blocks that live */
};

static uint64_t draw(struct bench *bench)
{
	bench->random ^= bench->random << 13;
	bench->random ^= bench->random >> 7;
	bench->random ^= bench->random << 17;
	return bench->random;
}

static void drain(struct bench *bench)
{
	cs_ring_look(bench->ring, 0);
	cs_merge_drain(&bench->merge, bench->ring, UINT64_MAX, cs_agent_visit, bench->agent);
}

static void define_stacks(struct bench *bench)
{
	for (uint32_t i = 0; i < STACKS; i++) {
		uint64_t pcs[DEPTH];

		for (uint32_t k = 0; k < DEPTH; k++)
			pcs[k] = 0x400000 + k * 16 + (k > 12 ? i * 4096 : 0);
		bench->stacks[i] =
			producer_stack(&bench->producer, 0, ++bench->stamp, 0, DEPTH, pcs);
	}
	drain(bench);
}

static void begin(struct bench *bench, uint32_t lanes, uint64_t live)
{
	*bench = (struct bench){.live = live, .random = 88172645463325252u};
	producer_begin(&bench->producer, LANE_BYTES, lanes);
	bench->ring = cs_ring_open_memory(bench->producer.ring, bench->producer.bytes, NULL);
	cs_clock_start(&bench->clock);
	bench->world.model = cs_model_new();
	bench->world.clock = &bench->clock;
	struct cs_process start = {
		.pid = 1, .heap_mean_bytes = 1, .executable = bench->ring->info.executable};
	bench->agent = cs_agent_new(&bench->world, &bench->ring->info, &start, 1, NULL);
	bench->taken = calloc(1, live);
	define_stacks(bench);
}

static void end(struct bench *bench)
{
	cs_agent_free(bench->agent, bench->ring);
	cs_merge_free(&bench->merge);
	cs_ring_close(bench->ring);
	producer_end(&bench->producer);
	cs_model_free(bench->world.model);
	free(bench->taken);
}

/* Fills all lanes by three quarters, in runs of up to eight records. */
static uint64_t fill(struct bench *bench, uint32_t lanes)
{
	uint64_t bytes = (uint64_t)lanes * LANE_BYTES / 4 * 3, written = 0, count = 0;

	while (written < bytes) {
		uint32_t lane = (uint32_t)draw(bench) % lanes;

		for (uint64_t run = draw(bench) % 8; run > 0; run--, count++) {
			uint64_t slot = draw(bench) % bench->live;
			uint64_t address = 0x10000000 + slot * 48;

			if (bench->taken[slot])
				producer_free(&bench->producer, lane, ++bench->stamp, address);
			else
				producer_alloc(&bench->producer, lane, ++bench->stamp, address, 40,
				               bench->stacks[draw(bench) % STACKS]);
			written += bench->taken[slot] ? 24 : 32;
			bench->taken[slot] ^= 1;
		}
	}
	return count;
}

static int by_value(const void *a, const void *b)
{
	return *(const double *)a > *(const double *)b ? 1 : -1;
}

static void measure(uint32_t lanes, uint64_t live)
{
	double results[ROUNDS];
	struct bench bench;

	begin(&bench, lanes, live);
	for (uint64_t done = 0; done < live * 2;
	     done += fill(&bench, lanes)) /* half of them live */
		drain(&bench);
	for (int i = 0; i < ROUNDS; i++) {
		drain(&bench);
		uint64_t count = fill(&bench, lanes);
		uint64_t start = cs_clock_monotonic_ns();

		drain(&bench);
		results[i] = (double)(cs_clock_monotonic_ns() - start) / (double)count;
	}
	qsort(results, ROUNDS, sizeof(results[0]), by_value);
	printf("{\"lanes\": %u, \"live\": %llu, \"ns\": %.2f, \"ns_low\": %.2f, \"ns_high\": %.2f}\n",
	       lanes, (unsigned long long)live / 2, results[ROUNDS / 2], results[ROUNDS / 10],
	       results[ROUNDS - 1 - ROUNDS / 10]);
	end(&bench);
}

/* ---- a producer on the other core ---- */

struct keep {
	struct bench *bench;
	double rate, seconds, took;
	_Atomic bool done;
};

/* As agents do that record every allocation: 10 ms at most, then the event is lost. */
static void wait_for_room(struct bench *bench)
{
	struct cs_lane *lane = producer_lane(&bench->producer, 0);
	uint64_t limit = bench->producer.lanes[0].position + 64 - LANE_BYTES, until = 0;

	while (bench->producer.lanes[0].position > LANE_BYTES &&
	       atomic_load_explicit(&lane->tail, memory_order_acquire) < limit) {
		if (!until)
			until = cs_clock_monotonic_ns() + 10000000;
		else if (cs_clock_monotonic_ns() > until)
			return;
	}
}

static void produce_one(struct bench *bench)
{
	uint64_t slot = draw(bench) % bench->live, address = 0x10000000 + slot * 48;

	wait_for_room(bench);
	bench->stamp = cs_clock_monotonic_ns();
	if (bench->taken[slot])
		producer_free(&bench->producer, 0, bench->stamp, address);
	else
		producer_alloc(&bench->producer, 0, bench->stamp, address, 40,
		               bench->stacks[draw(bench) % STACKS]);
	bench->taken[slot] ^= 1;
}

static void *produce(void *argument)
{
	struct keep *keep = argument;
	uint64_t start = cs_clock_monotonic_ns(), count = (uint64_t)(keep->rate * keep->seconds);

	for (uint64_t i = 0; i < count; i++) {
		produce_one(keep->bench);
		while (i % 64 == 63 &&
		       (double)(cs_clock_monotonic_ns() - start) * 1e-9 * keep->rate < (double)i)
			;
	}
	keep->took = (double)(cs_clock_monotonic_ns() - start) * 1e-9;
	atomic_store(&keep->done, true);
	return NULL;
}

static void keep_up(double rate, double seconds)
{
	const struct timespec nap = {.tv_nsec = 200000};
	struct bench bench;
	struct keep keep = {.bench = &bench, .rate = rate, .seconds = seconds};
	pthread_t thread;
	bool done;

	begin(&bench, 1, 200000);
	pthread_create(&thread, NULL, produce, &keep);
	do {
		done = atomic_load(&keep.done);
		drain(&bench);
		nanosleep(&nap, NULL);
	} while (!done);
	pthread_join(thread, NULL);
	printf("{\"events\": %llu, \"delivered\": %llu, \"lost\": %llu, \"seconds\": %.3f}\n",
	       (unsigned long long)bench.producer.lanes[0].emitted,
	       (unsigned long long)bench.ring->lanes[0]->delivered,
	       (unsigned long long)bench.producer.lanes[0].lost, keep.took);
	end(&bench);
}

int main(int argc, char **argv)
{
	if (argc > 3) {
		keep_up(atof(argv[2]), atof(argv[3]));
		return 0;
	}
	if (argc > 2) {
		measure((uint32_t)atoi(argv[1]), (uint64_t)atoll(argv[2]));
		return 0;
	}
	measure(1, 2000);
	measure(1, 200000);
	measure(1, 2000000);
	measure(2, 2000);
	measure(16, 2000);
	return 0;
}
