/* SPDX-License-Identifier: Apache-2.0 */
/* Opening rings and reading single lanes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "producer.h"
#include "source/guard.h"
#include "source/ring.h"
#include "support/unit.h"
#include "wire/session.h"

/* Takes what is there; returns how many records, and the sum of their stamps. */
static uint64_t take_all(struct cs_ring_reader *ring, uint32_t lane, uint64_t *sum)
{
	struct cs_lane_reader *reader;
	uint64_t count = 0;

	cs_ring_look(ring, 0);
	reader = ring->lanes[lane];
	while (cs_lane_front(reader) || cs_lane_fetch(reader)) {
		const struct cs_record *record = cs_lane_front(reader);

		if (record->kind != CS_RECORD_SKIP) {
			count++;
			*sum += record->stamp;
		}
		reader->begin += record->bytes;
	}
	return count;
}

static void what_was_written_is_read(void **state)
{
	struct producer producer;
	struct cs_ring_reader *ring;
	uint64_t sum = 0;

	(void)state;
	producer_begin(&producer, 4096, 1);
	ring = cs_ring_open_memory(producer.ring, producer.bytes, NULL);
	assert_non_null(ring);
	assert_string_equal(ring->info.executable, "/bin/program");
	producer_alloc(&producer, 0, 10, 0x1000, 64, 0);
	producer_free(&producer, 0, 20, 0x1000);
	assert_int_equal(take_all(ring, 0, &sum), 2);
	assert_int_equal(sum, 30);
	assert_int_equal(atomic_load(&producer_lane(&producer, 0)->tail),
	                 atomic_load(&producer_lane(&producer, 0)->head));
	cs_ring_close(ring);
	producer_end(&producer);
}

/* Records of odd sizes pass the lane's end thousands of times. */
static void nothing_is_lost_at_the_wrap(void **state)
{
	struct producer producer;
	struct cs_ring_reader *ring;
	uint64_t sum = 0, expected = 0, count = 0, written = 0, stamp = 0;

	(void)state;
	producer_begin(&producer, 4096, 1);
	ring = cs_ring_open_memory(producer.ring, producer.bytes, NULL);
	for (int round = 0; round < 20000; round++) {
		for (int i = 0; i < round % 40; i++) {
			bool put = (round + i) % 3
			                   ? producer_alloc(&producer, 0, ++stamp, 0x1000, 1, 0)
			                   : producer_free(&producer, 0, ++stamp, 0x1000);
			assert_true(put);
			expected += stamp;
			written++;
		}
		count += take_all(ring, 0, &sum);
	}
	assert_int_equal(count, written);
	assert_int_equal(sum, expected);
	assert_null(ring->lanes[0]->damage);
	cs_ring_close(ring);
	producer_end(&producer);
}

static void offered_is_delivered_and_lost(void **state)
{
	struct producer producer;
	struct cs_ring_reader *ring;
	uint64_t sum = 0, stamp = 0;

	(void)state;
	producer_begin(&producer, 4096, 1);
	ring = cs_ring_open_memory(producer.ring, producer.bytes, NULL);
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 50 + round; i++)
			producer_alloc(&producer, 0, ++stamp, 0x1000, 1, 0);
		take_all(ring, 0, &sum);
	}
	cs_ring_totals(ring);
	assert_true(ring->lanes[0]->lost > 0);
	assert_int_equal(ring->lanes[0]->emitted, ring->lanes[0]->delivered + ring->lanes[0]->lost);
	/* The last loss may not have been told yet. */
	assert_true(ring->lanes[0]->lost_told > 0);
	assert_true(ring->lanes[0]->lost_told <= ring->lanes[0]->lost);
	cs_ring_close(ring);
	producer_end(&producer);
}

/* ---- refusals ---- */

static void another_version_is_told_in_words(void **state)
{
	struct producer producer;
	struct cs_diag diag = {0};

	(void)state;
	producer_begin(&producer, 4096, 1);
	producer.ring->version = CS_WIRE_VERSION + 1;
	assert_null(cs_ring_open_memory(producer.ring, producer.bytes, &diag));
	assert_int_equal(diag.error, -EPROTO);
	assert_non_null(strstr(diag.text, "version 4"));
	assert_non_null(strstr(diag.hint, "COROSCOPE_AGENT"));
	producer_end(&producer);
}

static void wrong_sizes_are_refused(void **state)
{
	static const uint64_t wrong[] = {0, 1, 4095, 4097, 6000, UINT64_C(1) << 31, UINT64_MAX};
	struct producer producer;

	(void)state;
	producer_begin(&producer, 4096, 1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		producer.ring->lane_bytes = wrong[i];
		producer.ring->lane_stride = wrong[i] + CS_LANE_HEADER_BYTES;
		assert_null(cs_ring_open_memory(producer.ring, producer.bytes, NULL));
	}
	producer_end(&producer);
}

/* Nothing is opened of a ring that claims too much: not even what is there. */
static void lanes_are_bounded(void **state)
{
	struct producer producer;
	struct cs_ring_reader *ring;

	(void)state;
	producer_begin(&producer, 4096, 1);
	ring = cs_ring_open_memory(producer.ring, producer.bytes, NULL);
	assert_non_null(ring);
	atomic_store(&producer.ring->lane_count, CS_LANES_MAX + 1);
	cs_ring_look(ring, 0);
	assert_non_null(ring->damage);
	assert_int_equal(ring->lane_count, 0);
	cs_ring_close(ring);
	producer_end(&producer);
}

static void only_plain_files_of_ours_are_opened(void **state)
{
	char folder[] = "/tmp/coroscope-unit-XXXXXX";
	struct producer producer;
	struct cs_diag diag;

	(void)state;
	assert_non_null(mkdtemp(folder));
	int fd = open(folder, O_RDONLY | O_DIRECTORY);
	producer_begin_file(&producer, fd, 4096, 1, 1);
	producer_publish(&producer, fd);

	struct cs_ring_reader *ring = cs_ring_open(fd, producer.name, 4096, &diag);
	assert_non_null(ring);
	cs_ring_close(ring);
	assert_null(cs_ring_open(fd, producer.name, 8192, &diag)); /* not what was asked for */
	assert_int_equal(symlinkat(producer.name, fd, "ring.1.1"), 0);
	assert_null(cs_ring_open(fd, "ring.1.1", 4096, &diag));
	assert_int_equal(mkfifoat(fd, "ring.1.2", 0600), 0);
	assert_null(cs_ring_open(fd, "ring.1.2", 4096, &diag));
	assert_int_equal(linkat(fd, producer.name, fd, "ring.1.3", 0), 0);
	assert_null(cs_ring_open(fd, "ring.1.3", 4096, &diag));

	static const char *const names[] = {"ring.1.1", "ring.1.2", "ring.1.3"};
	for (int i = 0; i < 3; i++)
		unlinkat(fd, names[i], 0);
	unlinkat(fd, producer.name, 0);
	close(fd);
	rmdir(folder);
	producer_end(&producer);
}

/*
 * More than a fetch copies at a time: the half record at its end is not given back, since
 * whoever goes on there after our death has to find a record's begin.
 */
static void the_tail_is_at_a_record_whatever_a_fetch_copies(void **state)
{
	struct producer producer;
	struct cs_ring_reader *ring;
	uint64_t stamp = 0, starts = 0;

	(void)state;
	producer_begin(&producer, 4 * CS_LANE_BUFFER_BYTES, 1);
	ring = cs_ring_open_memory(producer.ring, producer.bytes, NULL);
	assert_non_null(ring);
	/* Of two sizes, so that no multiple of one is the size of a fetch. */
	producer_free(&producer, 0, ++stamp, 0x1000);
	while (producer_alloc(&producer, 0, ++stamp, 0x1000, 64, 0))
		;
	cs_ring_look(ring, 0);
	for (int fetch = 0; fetch < 3; fetch++) {
		struct cs_lane_reader *reader = ring->lanes[0];

		assert_true(cs_lane_fetch(reader));
		while (reader->begin < reader->ready) {
			starts += cs_lane_front(reader)->bytes;
			reader->begin += cs_lane_front(reader)->bytes;
		}
		assert_int_equal(atomic_load(&producer_lane(&producer, 0)->tail), starts);
	}
	cs_ring_close(ring);
	producer_end(&producer);
}

/* ---- damage ---- */

static void lane_with(void (*spoil)(struct producer *, struct cs_record *), uint64_t good,
                      const char *words)
{
	struct producer producer;
	struct cs_ring_reader *ring;
	struct cs_record *second;
	uint64_t sum = 0;

	producer_begin(&producer, 4096, 1);
	ring = cs_ring_open_memory(producer.ring, producer.bytes, NULL);
	for (uint64_t i = 1; i <= 4; i++)
		producer_alloc(&producer, 0, i, 0x1000 * i, 64, 0);
	second = (struct cs_record *)((uint8_t *)producer_lane(&producer, 0) +
	                              CS_LANE_HEADER_BYTES + sizeof(struct cs_record_alloc));
	spoil(&producer, second);
	assert_int_equal(take_all(ring, 0, &sum), good);
	assert_non_null(ring->lanes[0]->damage);
	assert_non_null(strstr(ring->lanes[0]->damage, words));
	/* Its owner must not wait for us: what it writes later is passed over. */
	producer_alloc(&producer, 0, 9, 0x9000, 64, 0);
	assert_int_equal(take_all(ring, 0, &sum), 0);
	assert_int_equal(atomic_load(&producer_lane(&producer, 0)->tail),
	                 atomic_load(&producer_lane(&producer, 0)->head));
	cs_ring_close(ring);
	producer_end(&producer);
}

static void no_length(struct producer *producer, struct cs_record *record)
{
	(void)producer;
	record->bytes = 0;
}

static void odd_length(struct producer *producer, struct cs_record *record)
{
	(void)producer;
	record->bytes = 33;
}

static void short_length(struct producer *producer, struct cs_record *record)
{
	(void)producer;
	record->bytes = 24;
}

static void long_length(struct producer *producer, struct cs_record *record)
{
	(void)producer;
	record->bytes = 65528;
}

static void no_kind(struct producer *producer, struct cs_record *record)
{
	(void)producer;
	record->kind = CS_RECORD_NONE;
}

static void wild_stack(struct producer *producer, struct cs_record *record)
{
	(void)producer;
	record->kind = CS_RECORD_STACK;
	record->arg = 1; /* has no room for it */
}

static void wild_head(struct producer *producer, struct cs_record *record)
{
	(void)record;
	atomic_store(&producer_lane(producer, 0)->head, 1 << 20);
}

static void head_backwards(struct producer *producer, struct cs_record *record)
{
	(void)record;
	atomic_store(&producer_lane(producer, 0)->head, (uint64_t)-8);
}

static void what_does_not_hold_is_damage(void **state)
{
	(void)state;
	lane_with(no_length, 1, "length");
	lane_with(odd_length, 1, "length");
	lane_with(short_length, 1, "length");
	lane_with(long_length, 1, "beyond its end");
	lane_with(no_kind, 1, "length");
	lane_with(wild_stack, 1, "stack");
	lane_with(wild_head, 0, "head");
	lane_with(head_backwards, 0, "head");
}

static void unknown_kinds_are_passed_over(void **state)
{
	struct cs_record_free record = {.address = 1};
	struct producer producer;
	struct cs_ring_reader *ring;
	uint64_t sum = 0;

	(void)state;
	producer_begin(&producer, 4096, 1);
	ring = cs_ring_open_memory(producer.ring, producer.bytes, NULL);
	producer_put(&producer, 0, 999, 5, 0, &record, sizeof(record));
	producer_alloc(&producer, 0, 6, 0x1000, 64, 0);
	assert_int_equal(take_all(ring, 0, &sum), 2);
	assert_null(ring->lanes[0]->damage);
	cs_ring_close(ring);
	producer_end(&producer);
}

/* A lane's size: within the ring's, a power of two; smaller later, never larger. */
static void a_size_that_is_none_is_damage(void **state)
{
	static const uint64_t wrong[] = {0, 1, 4095, 6144, 2048, 131072, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		for (int later = 0; later < 2; later++) {
			struct producer producer;
			struct cs_ring_reader *ring;
			uint64_t sum = 0;

			producer_begin(&producer, 65536, 1);
			ring = cs_ring_open_memory(producer.ring, producer.bytes, NULL);
			cs_ring_look(ring, 0);
			if (later) {
				producer_alloc(&producer, 0, 1, 0x1000, 1, 0);
				assert_int_equal(take_all(ring, 0, &sum), 1);
			}
			atomic_store(&producer_lane(&producer, 0)->bytes, wrong[i]);
			producer_alloc(&producer, 0, 2, 0x1000, 1, 0);
			assert_int_equal(take_all(ring, 0, &sum), 0);
			assert_non_null(strstr(ring->lanes[0]->damage, "size"));
			cs_ring_close(ring);
			producer_end(&producer);
		}
}

/* trap: a target that shortens its ring while it is read */
static void a_ring_that_shrinks_is_survived(void **state)
{
	char folder[] = "/tmp/coroscope-unit-XXXXXX";
	struct producer producer;
	struct cs_ring_reader *ring;
	uint64_t sum = 0;

	(void)state;
	if (UNDER_TSAN)
		skip(); /* its atomics hold a lock of their own while they fault */
	assert_int_equal(cs_guard_install(), 0);
	assert_non_null(mkdtemp(folder));
	int fd = open(folder, O_RDONLY | O_DIRECTORY);
	producer_begin_file(&producer, fd, 65536, 2, 1);
	producer_publish(&producer, fd);
	ring = cs_ring_open(fd, producer.name, 65536, NULL);
	producer_alloc(&producer, 0, 1, 0x1000, 64, 0);
	assert_int_equal(take_all(ring, 0, &sum), 1);
	for (int i = 2; i < 1000; i++)
		producer_alloc(&producer, 0, (uint64_t)i, 0x1000, 64, 0);
	cs_ring_look(ring, 0);
	assert_int_equal(ftruncate(producer.fd, CS_RING_HEADER_BYTES + CS_LANE_HEADER_BYTES), 0);
	assert_false(cs_lane_fetch(ring->lanes[0]));
	assert_non_null(strstr(ring->lanes[0]->damage, "shorter"));
	assert_int_equal(ftruncate(producer.fd, 0), 0);
	cs_ring_look(ring, 0);
	cs_ring_totals(ring);
	assert_int_equal(cs_ring_fullness(ring), 0);
	assert_non_null(ring->damage);
	cs_ring_close(ring);
	unlinkat(fd, producer.name, 0);
	close(fd);
	rmdir(folder);
	producer_end(&producer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(nothing_is_lost_at_the_wrap),
		cmocka_unit_test(offered_is_delivered_and_lost),
		cmocka_unit_test(another_version_is_told_in_words),
		cmocka_unit_test(wrong_sizes_are_refused),
		cmocka_unit_test(lanes_are_bounded),
		cmocka_unit_test(only_plain_files_of_ours_are_opened),
		cmocka_unit_test(the_tail_is_at_a_record_whatever_a_fetch_copies),
		cmocka_unit_test(what_does_not_hold_is_damage),
		cmocka_unit_test(unknown_kinds_are_passed_over),
		cmocka_unit_test(a_size_that_is_none_is_damage),
		cmocka_unit_test(a_ring_that_shrinks_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
