/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trap: the reader may be root and the target hostile. Whatever a ring holds, and however it
 * changes while it is read, the reader neither crashes nor hangs nor believes it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scene.h"
#include "source/guard.h"

#define ROUNDS 6000
#define LANES 3
#define LANE_BYTES 4096

static unsigned long long seed = 88172645463325252u;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* A bit of everything, valid. */
static void write_some(struct producer *producer, uint64_t *stamp)
{
	const uint64_t pcs[] = {0x400011, 0x400021, CS_PC_CUT_DEPTH, draw()};
	uint32_t lane = (uint32_t)(draw() % LANES);
	uint64_t stack = producer_stack(producer, lane, ++*stamp, 0, 4, pcs);
	struct cs_record_map map = {.address = draw() & ~4095u, .bytes = 4096 * (draw() % 100)};
	struct cs_record_process_end end = {.rss_bytes = draw()};

	producer_module(producer, lane, ++*stamp, (uint32_t)(draw() % 4), 0x400000, 0x401000, "/m");
	producer_thread(producer, lane, CS_RECORD_THREAD_START + draw() % 3, ++*stamp,
	                (uint32_t)(draw() % 5), "name");
	for (int i = 0; i < 10; i++) {
		producer_alloc(producer, lane, ++*stamp, draw() % 64 * 16, (uint32_t)draw(), stack);
		producer_free(producer, lane, ++*stamp, draw() % 64 * 16);
	}
	producer_put(producer, lane, CS_RECORD_MAP, ++*stamp, 1, &map, sizeof(map));
	producer_put(producer, lane, CS_RECORD_UNMAP, ++*stamp, 0, &map, sizeof(map));
	if (draw() % 8 == 0)
		producer_put(producer, lane, CS_RECORD_PROCESS_END, ++*stamp, 0, &end, sizeof(end));
}

/* Mostly small changes, near where something is. */
static void spoil(struct producer *producer)
{
	uint8_t *bytes = (uint8_t *)producer->ring;

	for (uint64_t i = draw() % 6; i > 0; i--) {
		uint32_t lane = (uint32_t)(draw() % LANES);
		uint8_t *start = (uint8_t *)producer_lane(producer, lane);
		uint8_t *at = draw() % 4   ? start + CS_LANE_HEADER_BYTES + draw() % 512
		              : draw() % 2 ? start + draw() % 80
		                           : bytes + 2176 + draw() % 400;

		if (draw() % 2)
			*at ^= (uint8_t)(1u << draw() % 8);
		else
			*(uint64_t *)((uintptr_t)at & ~(uintptr_t)7) = draw() % 3 ? draw()
			                                                          : draw() % 64;
	}
}

static void nothing_in_a_ring_can_hurt(void **state)
{
	uint64_t damaged = 0, sound = 0;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct scene scene;
		uint64_t stamp = 0;

		scene_begin(&scene, LANE_BYTES, LANES);
		for (int i = 0; i < 4; i++) {
			write_some(&scene.producer, &stamp);
			spoil(&scene.producer);
			scene_drain(&scene);
			cs_ring_totals(scene.ring);
		}
		for (uint32_t i = 0; i < scene.ring->lane_count; i++)
			*(scene.ring->lanes[i]->damage ? &damaged : &sound) += 1;
		cs_agent_end(scene.agent, 1);
		scene_end(&scene);
	}
	/* Both must have happened often, or this tests nothing. */
	assert_true(damaged > ROUNDS / 4);
	assert_true(sound > ROUNDS / 4);
}

static void no_header_can_hurt(void **state)
{
	uint64_t opened = 0;

	(void)state;
	for (int round = 0; round < ROUNDS * 4; round++) {
		struct producer producer;
		struct cs_ring_reader *ring;
		uint64_t stamp = 0;

		producer_begin(&producer, LANE_BYTES, LANES);
		write_some(&producer, &stamp);
		for (uint64_t i = draw() % 3; i > 0; i--)
			((uint64_t *)producer.ring)[draw() % 13] = draw() % 2 ? draw()
			                                                      : draw() % 8192;
		if (draw() % 4 == 0)
			atomic_store(&producer.ring->lane_count, (uint32_t)draw());
		ring = cs_ring_open_memory(producer.ring, draw() % producer.bytes, NULL);
		if (ring) {
			opened++;
			cs_ring_look(ring, 0);
			for (uint32_t i = 0; i < ring->lane_count; i++)
				cs_lane_fetch(ring->lanes[i]);
		}
		cs_ring_close(ring);
		producer_end(&producer);
	}
	assert_true(opened > ROUNDS);
}

/*
 * trap: a SKIP of 8 bytes becomes part of the record before it. One as long as its length can
 * tell, made 8 longer, had no length at all: whoever walked the lane never got past it.
 */
static void no_record_grows_until_it_has_no_length(void **state)
{
	const uint32_t lane_bytes = 131072, longest = 65528;
	struct producer producer;
	struct cs_ring_reader *ring;

	(void)state;
	for (uint32_t first = 16; first <= longest; first += longest - 16) {
		producer_begin(&producer, lane_bytes, 1);
		struct cs_lane *lane = producer_lane(&producer, 0);
		uint8_t *data = (uint8_t *)lane + CS_LANE_HEADER_BYTES;

		*(struct cs_record *)data =
			(struct cs_record){(uint16_t)first, CS_RECORD_SKIP, 0, 1};
		for (uint32_t at = first; at < lane_bytes; at += 8)
			*(uint64_t *)(data + at) = 8 | (uint64_t)CS_RECORD_SKIP << 16;
		atomic_store(&lane->head, lane_bytes);
		ring = cs_ring_open_memory(producer.ring, producer.bytes, NULL);
		cs_ring_look(ring, 0);
		while (cs_lane_front(ring->lanes[0]) || cs_lane_fetch(ring->lanes[0])) {
			uint32_t bytes = cs_lane_front(ring->lanes[0])->bytes;

			assert_true(bytes >= 16);
			ring->lanes[0]->begin += bytes;
		}
		assert_non_null(ring->lanes[0]->damage);
		cs_ring_close(ring);
		producer_end(&producer);
	}
}

/* ---- while it is read ---- */

struct attack {
	struct producer *producer;
	_Atomic int over;
};

static void *rewrite(void *arg)
{
	struct attack *attack = arg;
	const struct timespec pause = {.tv_nsec = 20000};
	unsigned round = 0;

	while (!atomic_load(&attack->over)) {
		struct producer *producer = attack->producer;
		uint64_t whole = producer->bytes;

		/* Long enough for its own sake: only the file is cut, never our mapping used. */
		if (ftruncate(producer->fd, (off_t)(round % 3 ? whole : round * 4096 % whole)))
			break;
		nanosleep(&pause, NULL);
		round++;
	}
	return NULL;
}

static void run_attack(struct cs_ring_reader *ring, int fd, struct producer *producer)
{
	struct attack attack = {.producer = producer};
	uint8_t noise[512];
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, rewrite, &attack), 0);
	for (int i = 0; i < 20000; i++) {
		for (size_t n = 0; n < sizeof(noise); n += 8)
			*(uint64_t *)(noise + n) = draw() % 4 ? draw() % 128 : draw();
		/* pwrite does not fault where the file has just been cut. */
		if (pwrite(fd, noise, sizeof(noise),
		           CS_RING_HEADER_BYTES + (off_t)(draw() % 4 * 512)) < 0)
			break;
		cs_ring_look(ring, 0);
		for (uint32_t lane = 0; lane < ring->lane_count; lane++) {
			struct cs_lane_reader *reader = ring->lanes[lane];
			cs_lane_fetch(reader);
			reader->begin = reader->ready;
		}
		cs_ring_totals(ring);
		cs_ring_fullness(ring);
	}
	atomic_store(&attack.over, 1);
	pthread_join(thread, NULL);
}

static void a_ring_cut_while_it_is_read_is_survived(void **state)
{
	char folder[] = "/tmp/coroscope-unit-XXXXXX";

	(void)state;
	if (UNDER_TSAN)
		skip(); /* its atomics hold a lock of their own while they fault */
	assert_int_equal(cs_guard_install(), 0);
	assert_non_null(mkdtemp(folder));
	int fd = open(folder, O_RDONLY | O_DIRECTORY);
	for (int round = 1; round <= 4; round++) {
		struct producer producer;
		struct cs_ring_reader *ring;

		producer_begin_file(&producer, fd, LANE_BYTES, LANES, (uint64_t)round);
		producer_publish(&producer, fd);
		ring = cs_ring_open(fd, producer.name, LANE_BYTES, NULL);
		assert_non_null(ring);
		cs_ring_look(ring, 0);
		assert_int_equal(ring->lane_count, LANES);
		run_attack(ring, producer.fd, &producer);
		cs_ring_close(ring);
		unlinkat(fd, producer.name, 0);
		producer_end(&producer);
	}
	close(fd);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_in_a_ring_can_hurt),
		cmocka_unit_test(no_header_can_hurt),
		cmocka_unit_test(no_record_grows_until_it_has_no_length),
		cmocka_unit_test(a_ring_cut_while_it_is_read_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
