/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lanes take: little to begin with, more as it is needed, less the more of them there are;
 * and what happens when there is no more.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/emit.h"
#include "core/lane.h"
#include "session.h"
#include "support/unit.h"

#define LANE_BYTES (UINT64_C(1) << 20)
#define RECORD_BYTES sizeof(struct cs_record_free)

static uint64_t bytes_of_the_ring(void)
{
	struct stat status;

	assert_int_equal(stat(csa_agent.ring_path, &status), 0);
	return (uint64_t)status.st_blocks * 512;
}

static uint64_t bytes_told(void)
{
	return atomic_load(&csa_agent.ring->counters[CS_AGENT_LANE_BYTES]);
}

/* Records of BYTES in all; they are numbered. */
static void emit(struct csa_thread *thread, uint64_t bytes, uint64_t *number)
{
	for (uint64_t i = 0; i < bytes / RECORD_BYTES; i++) {
		struct cs_record_free *record =
			csa_emit_begin(thread, CS_RECORD_FREE, RECORD_BYTES, 0);

		if (!record)
			continue;
		record->address = ++*number;
		csa_emit_commit(thread, record, CS_RECORD_FREE);
	}
}

/* As a reader: size first, then place. Counts the frees; they come in order, none is missing. */
static void drain(struct csa_thread *thread, uint64_t *number)
{
	struct cs_lane *lane = thread->lane;
	uint64_t tail = atomic_load(&lane->tail), head = atomic_load(&lane->head);
	uint64_t bytes = atomic_load(&lane->bytes);

	assert_true(head - tail <= bytes);
	while (tail < head) {
		const uint8_t *at = (uint8_t *)lane + CS_LANE_HEADER_BYTES + (tail & (bytes - 1));
		const struct cs_record_free *record = (const void *)at;

		if (record->head.kind == CS_RECORD_FREE)
			assert_int_equal(record->address, ++*number);
		tail += record->head.bytes;
	}
	atomic_store(&lane->tail, tail);
}

static void a_lane_grows_with_what_is_recorded(void **state)
{
	uint64_t emitted = 0, seen = 0, before;

	(void)state;
	session_begin(LANE_BYTES, 0);
	struct csa_thread *thread = session_thread();

	before = bytes_told();
	assert_true(before < LANE_BYTES / 8);
	assert_true(bytes_of_the_ring() < LANE_BYTES / 4);
	for (int i = 0; i < 40; i++) {
		emit(thread, LANE_BYTES / 10, &emitted);
		drain(thread, &seen);
		if (i == 2)
			assert_true(bytes_told() > LANE_BYTES / 4 &&
			            bytes_told() < LANE_BYTES * 3 / 4);
	}
	assert_int_equal(seen, emitted);
	assert_int_equal(atomic_load(&thread->lane->lost), 0);
	assert_int_equal(bytes_told(), CS_LANE_HEADER_BYTES + LANE_BYTES);
	assert_true(bytes_of_the_ring() >= LANE_BYTES);
	session_end();
}

static uint64_t size_of_number(uint32_t number)
{
	struct csa_thread thread = {.lane = NULL};
	uint64_t bytes;

	atomic_store(&csa_agent.lanes_taken, number);
	assert_true(csa_lane_open(&thread));
	bytes = atomic_load(&thread.lane->bytes);
	assert_int_equal(thread.mask, bytes - 1);
	munmap(thread.lane, CS_LANE_HEADER_BYTES + bytes);
	return bytes;
}

static void the_more_lanes_the_smaller(void **state)
{
	(void)state;
	session_begin(LANE_BYTES * 4, 0);
	assert_int_equal(size_of_number(0), LANE_BYTES * 4);
	assert_int_equal(size_of_number(63), LANE_BYTES * 4);
	assert_int_equal(size_of_number(64), LANE_BYTES);
	assert_int_equal(size_of_number(255), LANE_BYTES);
	assert_int_equal(size_of_number(256), LANE_BYTES / 4);
	assert_int_equal(size_of_number(1024), CS_LANE_BYTES_LEAST);
	assert_int_equal(size_of_number(60000), CS_LANE_BYTES_LEAST);
	session_end();
	/* Somebody who asked for less than that gets it everywhere. */
	session_begin(8192, 0);
	assert_int_equal(size_of_number(60000), 8192);
	session_end();
}

/* The kernel has no more: the lane goes on within what it has, and loses no record for that. */
static void without_more_memory_a_lane_stays_small(void **state)
{
	uint64_t emitted = 0, seen = 0, small;

	(void)state;
	session_begin(LANE_BYTES, 0);
	struct csa_thread *thread = session_thread();

	emit(thread, 16384, &emitted);
	small = thread->backed;
	munmap(thread->data + small, LANE_BYTES - small); /* so asking fails, touching kills */
	for (int i = 0; i < 100; i++) {
		emit(thread, small / 4, &emitted);
		drain(thread, &seen);
	}
	assert_int_equal(seen, emitted);
	assert_int_equal(atomic_load(&thread->lane->lost), 0);
	assert_int_equal(atomic_load(&thread->lane->bytes), small);
	session_end();
}

static void before_a_sandbox_lanes_get_all_that_they_may_need(void **state)
{
	(void)state;
	session_begin(LANE_BYTES, 0);
	struct csa_thread *thread = session_thread();

	csa_lane_back_all();
	assert_int_equal(thread->backed, LANE_BYTES);
	assert_true(bytes_of_the_ring() >= LANE_BYTES);
	session_end();
}

static uint64_t mapped_pages(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu", &pages), 1);
	fclose(file);
	return pages;
}

static void *life_without_a_lane(void *argument)
{
	(void)argument;
	assert_null(session_thread());
	csa_tls.busy = 0;
	return NULL;
}

/* trap: a server behind a chroot makes a thread for each client. */
static void threads_that_get_no_lane_leave_nothing(void **state)
{
	uint64_t before = 0;

	(void)state;
	session_begin(LANE_BYTES, 0);
	strcpy(csa_agent.ring_path, "/nowhere");
	for (int i = 0; i < 500; i++) {
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, life_without_a_lane, NULL), 0);
		pthread_join(thread, NULL);
		if (i == 100)
			before = mapped_pages();
	}
	assert_true(mapped_pages() < before + 1000);
	session_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lane_grows_with_what_is_recorded),
		cmocka_unit_test(the_more_lanes_the_smaller),
		cmocka_unit_test(without_more_memory_a_lane_stays_small),
		cmocka_unit_test(before_a_sandbox_lanes_get_all_that_they_may_need),
		cmocka_unit_test(threads_that_get_no_lane_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
