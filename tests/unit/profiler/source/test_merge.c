/* SPDX-License-Identifier: Apache-2.0 */
/* The order across lanes, and its bound. */
#include <stdlib.h>
#include <string.h>

#include "producer.h"
#include "source/merge.h"
#include "support/unit.h"

struct lanes {
	struct producer producer;
	struct cs_ring_reader *ring;
	struct cs_merge merge;
	uint64_t count, last; /* of what was passed on */
	uint64_t backwards;
};

static void lanes_begin(struct lanes *scene, uint64_t lane_bytes, uint32_t lanes)
{
	memset(scene, 0, sizeof(*scene));
	producer_begin(&scene->producer, lane_bytes, lanes);
	scene->ring = cs_ring_open_memory(scene->producer.ring, scene->producer.bytes, NULL);
	assert_non_null(scene->ring);
}

static void lanes_end(struct lanes *scene)
{
	cs_merge_free(&scene->merge);
	cs_ring_close(scene->ring);
	producer_end(&scene->producer);
}

static void visit(void *context, struct cs_lane_reader *lane, const struct cs_record *first,
                  const struct cs_record *end)
{
	struct lanes *scene = context;

	(void)lane;
	for (const struct cs_record *at = first; at < end; at = cs_record_next(at)) {
		scene->backwards += at->stamp < scene->last;
		scene->last = at->stamp;
		scene->count++;
	}
}

static uint64_t drain(struct lanes *scene, uint64_t bound)
{
	scene->count = 0;
	assert_int_equal(cs_merge_drain(&scene->merge, scene->ring, bound, visit, scene), 0);
	return scene->count;
}

static void put(struct lanes *scene, uint32_t lane, uint64_t stamp)
{
	producer_alloc(&scene->producer, lane, stamp, 0x1000, 8, 0);
}

static void lanes_come_in_order_of_stamps(void **state)
{
	struct lanes scene;
	uint64_t stamp = 0, written = 0, read = 0;

	(void)state;
	lanes_begin(&scene, 8192, 7);
	srand(1);
	for (int round = 0; round < 500; round++) {
		for (int i = 0; i < 300; i++) {
			uint32_t lane = (uint32_t)rand() % 7;
			for (int run = rand() % 4; run >= 0; run--, written++)
				put(&scene, lane, ++stamp);
		}
		cs_ring_look(scene.ring, 0);
		read += drain(&scene, UINT64_MAX);
	}
	assert_int_equal(scene.backwards, 0);
	assert_int_equal(read, written);
	lanes_end(&scene);
}

static void a_record_in_the_making_holds_what_is_younger(void **state)
{
	struct lanes scene;

	(void)state;
	lanes_begin(&scene, 8192, 2);
	put(&scene, 0, 10);
	put(&scene, 0, 30);
	atomic_store(&producer_lane(&scene.producer, 1)->pending, 20);
	cs_ring_look(scene.ring, 1000);
	assert_int_equal(cs_merge_bound(scene.ring, 100), 19);
	assert_int_equal(drain(&scene, cs_merge_bound(scene.ring, 100)), 1);

	put(&scene, 1, 20);
	atomic_store(&producer_lane(&scene.producer, 1)->pending, 0);
	cs_ring_look(scene.ring, 2000);
	assert_int_equal(drain(&scene, cs_merge_bound(scene.ring, 100)), 2);
	assert_int_equal(scene.backwards, 0);
	assert_int_equal(scene.merge.late, 0);
	lanes_end(&scene);
}

/* A thread stopped in the middle of a record holds the others for a bounded time only. */
static void a_stopped_thread_holds_for_a_while(void **state)
{
	struct lanes scene;

	(void)state;
	lanes_begin(&scene, 8192, 2);
	put(&scene, 0, 30);
	atomic_store(&producer_lane(&scene.producer, 1)->pending, 20);
	cs_ring_look(scene.ring, 0);
	assert_int_equal(drain(&scene, cs_merge_bound(scene.ring, 100)), 0);
	cs_ring_look(scene.ring, CS_PENDING_STUCK_NS + 1);
	assert_int_equal(drain(&scene, cs_merge_bound(scene.ring, 100)), 1);

	put(&scene, 1, 20); /* it comes to life again */
	cs_ring_look(scene.ring, CS_PENDING_STUCK_NS + 2);
	assert_int_equal(drain(&scene, 100), 1);
	assert_int_equal(scene.merge.late, 1);
	lanes_end(&scene);
}

/* What fills a lane's end has no time of its own. */
static void padding_is_never_late(void **state)
{
	struct lanes scene;

	(void)state;
	lanes_begin(&scene, 4096, 2);
	for (uint64_t i = 1; i <= 127; i++)
		put(&scene, 0, i);
	producer_free(&scene.producer, 0, 128, 0x1000); /* 8 bytes are left */
	put(&scene, 1, 1000);
	cs_ring_look(scene.ring, 0);
	drain(&scene, 2000);
	for (uint64_t i = 0; i < 300; i++) {
		producer_free(&scene.producer, 0, 3000 + 10 * i, 0x1000);
		cs_ring_look(scene.ring, 0);
		drain(&scene, 3005 + 10 * i);
	}
	assert_int_equal(scene.merge.late, 0);
	lanes_end(&scene);
}

static void nothing_younger_than_the_bound_comes(void **state)
{
	struct lanes scene;

	(void)state;
	lanes_begin(&scene, 8192, 1);
	for (uint64_t i = 1; i <= 100; i++)
		put(&scene, 0, i);
	cs_ring_look(scene.ring, 0);
	assert_int_equal(drain(&scene, 40), 40);
	assert_int_equal(scene.last, 40);
	assert_int_equal(drain(&scene, 40), 0);
	assert_int_equal(drain(&scene, UINT64_MAX), 60);
	lanes_end(&scene);
}

/* A handler's record lies behind the older one that it interrupted. */
static void stamps_of_a_lane_never_go_back(void **state)
{
	struct lanes scene;

	(void)state;
	lanes_begin(&scene, 8192, 2);
	put(&scene, 0, 10);
	put(&scene, 0, 7);
	put(&scene, 0, 12);
	put(&scene, 1, 9);
	cs_ring_look(scene.ring, 0);
	assert_int_equal(drain(&scene, UINT64_MAX), 4);
	assert_int_equal(scene.backwards, 0);
	lanes_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lanes_come_in_order_of_stamps),
		cmocka_unit_test(a_record_in_the_making_holds_what_is_younger),
		cmocka_unit_test(a_stopped_thread_holds_for_a_while),
		cmocka_unit_test(padding_is_never_late),
		cmocka_unit_test(nothing_younger_than_the_bound_comes),
		cmocka_unit_test(stamps_of_a_lane_never_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
