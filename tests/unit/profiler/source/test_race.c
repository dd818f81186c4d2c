/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Producers and the reader at the same time, in one process and one mapping, so that
 * ThreadSanitizer sees what their words order: preset tsan.
 */
#include <pthread.h>
#include <sched.h>

#include "scene.h"

#define LANES 3
#define EVENTS 60000u

struct writer {
	struct scene *scene;
	uint32_t lane;
	pthread_t thread;
};

/* Stamps are shared and rise: the order in which things happen. */
static _Atomic uint64_t next_stamp = 1;

static void *work(void *arg)
{
	struct writer *writer = arg;
	struct producer *producer = &writer->scene->producer;
	struct cs_lane *lane = producer_lane(producer, writer->lane);
	uint64_t base = UINT64_C(0x1000000) * (writer->lane + 1);

	for (uint32_t i = 0; i < EVENTS; i++) {
		uint64_t stamp;

		atomic_store(&lane->pending, atomic_load(&next_stamp));
		stamp = atomic_fetch_add(&next_stamp, 1);
		if (i % 2)
			producer_free(producer, writer->lane, stamp, base + i / 2 * 16);
		else
			producer_alloc(producer, writer->lane, stamp, base + i / 2 * 16, 8, 0);
		atomic_store(&lane->pending, 0);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

static uint64_t account(struct scene *scene, bool *whole)
{
	uint64_t emitted = 0, found = 0;

	cs_ring_totals(scene->ring);
	for (uint32_t i = 0; i < scene->ring->lane_count; i++) {
		emitted += scene->ring->lanes[i]->emitted;
		found += scene->ring->lanes[i]->delivered + scene->ring->lanes[i]->lost;
		assert_null(scene->ring->lanes[i]->damage);
	}
	*whole = emitted == found;
	return emitted;
}

static void emitted_is_delivered_and_lost(void **state)
{
	struct writer writers[LANES];
	struct scene scene;
	bool whole;

	(void)state;
	scene_begin(&scene, 16384, LANES);
	for (uint32_t i = 0; i < LANES; i++) {
		writers[i] = (struct writer){.scene = &scene, .lane = i};
		pthread_create(&writers[i].thread, NULL, work, &writers[i]);
	}
	do {
		uint64_t present = atomic_load(&next_stamp) - 1;

		cs_ring_look(scene.ring, 0);
		cs_merge_drain(&scene.merge, scene.ring, cs_merge_bound(scene.ring, present),
		               cs_agent_visit, scene.agent);
	} while (atomic_load(&next_stamp) <= LANES * EVENTS);
	for (uint32_t i = 0; i < LANES; i++)
		pthread_join(writers[i].thread, NULL);
	scene_drain(&scene);
	assert_int_equal(account(&scene, &whole), LANES * EVENTS);
	assert_true(whole);
	/* Here no stamp is younger than its lane's pending: nothing may come too late. */
	assert_int_equal(scene.merge.late, 0);
	scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(emitted_is_delivered_and_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
