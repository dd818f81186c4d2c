/* SPDX-License-Identifier: Apache-2.0 */
/* From addresses to ranges: against a table that is searched from its first entry to its last. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "coroutine/map.h"
#include "support/unit.h"

#define ITEMS 20000u
#define PAGE 4096u

struct item {
	_Alignas(64) uint64_t live;
	uint64_t low, high;
	uint32_t cell[CSA_MAP_KINDS];
};

_Static_assert(sizeof(struct item) == 64, "an item of a map");

static struct item items[ITEMS + 1]; /* the first is nobody's */
static uint8_t *place = (uint8_t *)items;
static uint64_t numbers = 1;

static struct csa_map map;

static uint64_t pick(uint64_t below)
{
	numbers = numbers * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (numbers >> 33) % below;
}

static int begin(void **state)
{
	(void)state;
	memset(items, 0, sizeof(items));
	map = (struct csa_map){
		.items = &place,
		.live = offsetof(struct item, live),
		.low = offsetof(struct item, low),
		.high = offsetof(struct item, high),
		.cell = offsetof(struct item, cell),
	};
	assert_true(csa_map_open(&map));
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (int kind = 0; kind < CSA_MAP_KINDS; kind++) {
		munmap((void *)map.pages[kind], (size_t)1 << 19);
		munmap((void *)map.cells[kind], (size_t)4 << 23);
	}
	return 0;
}

static struct item *put(uint32_t index, uint64_t low, uint64_t bytes)
{
	struct item *item = &items[index];

	*item = (struct item){.live = 1, .low = low, .high = low + bytes};
	csa_map_grow(&map, index);
	assert_true(csa_map_add(&map, item));
	return item;
}

/* Every address of a range leads to it, none outside. */
static void a_range_is_found_by_each_of_its_addresses(void **state)
{
	const struct item *item = put(1, 0x7f0000001230, 3 * PAGE + 16);

	(void)state;
	for (uint64_t at = item->low; at < item->high; at += 8)
		assert_ptr_equal(csa_map_find(&map, at), item);
	assert_ptr_equal(csa_map_find(&map, item->high - 1), item);
	assert_null(csa_map_find(&map, item->high));
	assert_null(csa_map_find(&map, item->low - 1));
	assert_ptr_equal(csa_map_find_low(&map, item->low), item);
	assert_null(csa_map_find_low(&map, item->low + 8));
	assert_null(csa_map_find(&map, UINT64_MAX));
}

/* By its high end, on the address's own page. */
static void near_is_on_the_same_page(void **state)
{
	const struct item *item = put(1, 0x7f0000001000, 4 * PAGE);

	(void)state;
	assert_ptr_equal(csa_map_find_near(&map, item->high - 1), item);
	assert_null(csa_map_find_near(&map, item->low));
	/* Just above it: what lies on a stack beyond its end. */
	assert_ptr_equal(csa_map_find_below(&map, item->high + 320, 1024), item);
	assert_ptr_equal(csa_map_find_below(&map, item->high, 1), item);
	assert_null(csa_map_find_below(&map, item->high - 8, 1024)); /* within */
	assert_null(csa_map_find_below(&map, item->high + 2000, 1024));
}

static void who_has_ended_is_not_found(void **state)
{
	struct item *item = put(1, 0x7f0000001000, PAGE);

	(void)state;
	item->live = 0;
	assert_null(csa_map_find(&map, item->low));
	assert_null(csa_map_find_low(&map, item->low));
	/* Another one in its place, elsewhere: cells of the first must not lead to it. */
	put(1, 0x7f0000400000, PAGE);
	assert_null(csa_map_find(&map, 0x7f0000001000));
	assert_non_null(csa_map_find(&map, 0x7f0000400000));
}

/* Stacks of all sizes, that come and go, while the tables grow. */
static void a_random_life_is_as_a_list_says(void **state)
{
	uint64_t at = 0x7f0000000000;
	uint32_t count = 0;

	(void)state;
	for (uint32_t step = 0; step < 3 * ITEMS; step++) {
		if (count < ITEMS && pick(3)) {
			uint64_t bytes = (pick(40) + 1) * 1040;

			at += pick(5) ? 0 : pick(1u << 20);
			put(++count, at, bytes);
			at += bytes;
		} else if (count) {
			items[pick(count) + 1].live = 0;
		}
		if (!count)
			continue;
		const struct item *item = &items[pick(count) + 1];
		uint64_t address = item->low + pick(item->high - item->low);

		assert_ptr_equal(csa_map_find(&map, address), item->live ? item : NULL);
		assert_ptr_equal(csa_map_find_low(&map, item->low), item->live ? item : NULL);
	}
}

/* The next one above tells that there is none. */
static void what_lies_between_is_nobodys(void **state)
{
	map.disjoint = true;
	a_random_life_is_as_a_list_says(state);
	put(1, 0x7e0000000000, 3 * PAGE);
	put(2, 0x7e0000000000 + 5 * PAGE + 100, 3 * PAGE);
	assert_null(csa_map_find(&map, 0x7e0000000000 + 4 * PAGE));
	assert_null(csa_map_find(&map, 0x7e0000000000 + 5 * PAGE + 99));
	assert_non_null(csa_map_find(&map, 0x7e0000000000 + 5 * PAGE + 100));
	assert_non_null(csa_map_find(&map, 0x7e0000000000 + 2 * PAGE));
}

/* Of those that lie in a piece of memory, whole, each is met once; and several end on one page. */
static void all_within_are_met(void **state)
{
	uint64_t at = 0x7f0000000000, cursor = 0;
	uint64_t low = at + 7 * PAGE + 40, high = at + 40 * PAGE + 8;
	uint32_t count = 0, within = 0;
	const struct item *item;
	struct item *found;

	(void)state;
	for (uint32_t i = 1; i < 400; i++, at += pick(3) * 128) {
		uint64_t bytes = 64 + pick(PAGE / 8) * 8;

		item = put(i, at, bytes);
		at += bytes;
		within += item->low >= low && item->high <= high;
	}
	while ((found = csa_map_next_within(&map, low, high, &cursor))) {
		assert_true(found->live && found->low >= low && found->high <= high);
		found->live = 0;
		count++;
	}
	assert_int_equal(count, within);
	assert_true(within > 20);
	cursor = 0;
	assert_null(csa_map_next_within(&map, low, high, &cursor));
	assert_null(csa_map_next_within(&map, high, low, &cursor));
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written through */
static void set(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static void *live_and_die(void *first)
{
	uint32_t from = *(const uint32_t *)first;
	uint64_t base = UINT64_C(0x7e0000000000) + ((uint64_t)from << 24);

	for (int round = 0; round < 30; round++)
		for (uint32_t i = 0; i < 500; i++) {
			struct item *item = &items[from + i];

			if (csa_map_find(&map, base + i * UINT64_C(8192) + 8) !=
			    (round ? item : NULL))
				return item;
			__atomic_store_n(&item->live, 0, __ATOMIC_RELEASE);
			set(&item->low, base + i * UINT64_C(8192));
			set(&item->high, base + (i + 1) * UINT64_C(8192));
			for (int kind = 0; kind < CSA_MAP_KINDS; kind++)
				__atomic_store_n(&item->cell[kind], 0, __ATOMIC_RELAXED);
			__atomic_store_n(&item->live, 1, __ATOMIC_RELEASE);
			if (!csa_map_add(&map, item))
				return item;
		}
	return NULL;
}

/* Each of several threads finds its own, whatever the others do to the same cells. */
static void threads_do_not_lose_each_others_ranges(void **state)
{
	enum { THREADS = 4 };
	pthread_t threads[THREADS];
	uint32_t first[THREADS];
	void *lost[THREADS];

	(void)state;
	for (uint32_t i = 0; i < THREADS; i++) {
		first[i] = 1 + i * 500;
		assert_int_equal(pthread_create(&threads[i], NULL, live_and_die, &first[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], &lost[i]), 0);
	for (int i = 0; i < THREADS; i++)
		assert_null(lost[i]);
}

/* Ranges within ranges, added in any order, some ending on one page or beginning at one place. */
static void the_innermost_is_found(void **state)
{
	const uint64_t base = 0x7f0000000000;
	static const uint32_t order[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {2, 0, 1}};
	static const struct {
		uint64_t low, bytes;
	} ranges[][3] = {
		{{0, 64 * PAGE}, {16 * PAGE, 16 * PAGE}, {20 * PAGE, PAGE}},
		{{0, 4 * PAGE}, {64, 4 * PAGE - 128}, {128, 4 * PAGE - 256}},
		{{0, 8 * PAGE}, {0, 4 * PAGE}, {0, PAGE}},
	};

	(void)state;
	map.disjoint = true;
	map.nested = true;
	for (uint32_t i = 0; i < 12; i++) {
		uint64_t place_of = base + i * UINT64_C(0x10000000);
		struct item *made[3];

		for (int at = 0; at < 3; at++) {
			uint32_t which = order[i % 4][at];

			made[which] = put(1 + i * 1000 + which, place_of + ranges[i / 4][which].low,
			                  ranges[i / 4][which].bytes);
		}
		for (uint64_t at = made[0]->low; at < made[0]->high; at += 32) {
			struct item *innermost = made[0];

			for (int depth = 1; depth < 3; depth++)
				if (at >= made[depth]->low && at < made[depth]->high)
					innermost = made[depth];
			assert_ptr_equal(csa_map_find(&map, at), innermost);
		}
		made[1]->live = 0;
		assert_ptr_equal(csa_map_find(&map, made[2]->low), made[2]);
		assert_ptr_equal(csa_map_find(&map, made[1]->high - 8), made[0]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_range_is_found_by_each_of_its_addresses),
		TEST(near_is_on_the_same_page),
		TEST(who_has_ended_is_not_found),
		TEST(a_random_life_is_as_a_list_says),
		TEST(what_lies_between_is_nobodys),
		TEST(all_within_are_met),
		TEST(the_innermost_is_found),
		TEST(threads_do_not_lose_each_others_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
