/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that may become stacks: what is left of it when parts go, and which is worth following. */
#include "coroutine/region.h"

#include "coroutine/coroutine.h"
#include "support/unit.h"

#define KIB 1024u
#define LOW UINT64_C(0x7f1000000000)
#define SITE 0x4242u

static int begin(void **state)
{
	(void)state;
	csa_region_start();
	return 0;
}

static int end(void **state)
{
	(void)state;
	csa_region_cut(LOW, UINT64_C(64) << 20);
	assert_int_equal(atomic_load(&csa_coro_count), 0);
	return 0;
}

static void expect(uint64_t address, uint64_t low, uint64_t high)
{
	const struct csa_region *region = csa_region_find(address);

	assert_non_null(region);
	assert_int_equal(region->low, low);
	assert_int_equal(region->high, high);
	assert_int_equal(region->spawn, 77);
}

static void a_region_lives_until_it_is_freed(void **state)
{
	(void)state;
	csa_region_add(LOW, 64 * KIB, 77, SITE);
	expect(LOW + 100, LOW, LOW + 64 * KIB);
	assert_int_equal(atomic_load(&csa_coro_count), 1);
	csa_region_end(csa_region_find_low(LOW));
	assert_null(csa_region_find(LOW + 100));
	assert_int_equal(atomic_load(&csa_coro_count), 0);
}

/* Its end was not seen: a free that somebody did behind our back. */
static void a_block_at_the_same_place_replaces_the_old_one(void **state)
{
	(void)state;
	csa_region_add(LOW, 64 * KIB, 78, SITE);
	csa_region_add(LOW, 32 * KIB, 77, SITE);
	expect(LOW, LOW, LOW + 32 * KIB);
	assert_null(csa_region_find(LOW + 40 * KIB));
	assert_int_equal(atomic_load(&csa_coro_count), 1);
}

/* Guard pages that are unmapped, stacks that are cut out of a pool. */
static void what_is_left_of_a_region_goes_on(void **state)
{
	(void)state;
	csa_region_add(LOW, 64 * KIB, 77, SITE);
	csa_region_cut(LOW, 4 * KIB); /* its lower end */
	expect(LOW + 8 * KIB, LOW + 4 * KIB, LOW + 64 * KIB);
	assert_null(csa_region_find(LOW));
	csa_region_cut(LOW + 60 * KIB, 4 * KIB); /* its upper end */
	expect(LOW + 8 * KIB, LOW + 4 * KIB, LOW + 60 * KIB);
	assert_null(csa_region_find(LOW + 60 * KIB));
}

static void whole_regions_go_with_what_is_unmapped(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		csa_region_add(LOW + i * 16 * KIB, 16 * KIB, 77, SITE);
	csa_region_cut(LOW + 16 * KIB, 98 * 16 * KIB);
	expect(LOW, LOW, LOW + 16 * KIB);
	expect(LOW + 99 * 16 * KIB, LOW + 99 * 16 * KIB, LOW + 100 * 16 * KIB);
	for (uint64_t i = 1; i < 99; i++)
		assert_null(csa_region_find(LOW + i * 16 * KIB));
	/* More pages than there are regions: the other way to go about it. */
	csa_region_cut(LOW, UINT64_C(16) << 20);
	assert_null(csa_region_find(LOW));
}

/* A place that asks for block after block and never makes a stack of one is let go. */
static void a_site_has_so_many_chances(void **state)
{
	const struct csa_region *region;

	(void)state;
	assert_false(csa_region_wanted(SITE, 4095));
	assert_false(csa_region_wanted(SITE, UINT64_C(9) << 20));
	for (uint32_t i = 0; i < 1u << 17; i++)
		assert_true(csa_region_wanted(SITE, 8 * KIB));
	assert_false(csa_region_wanted(SITE, 8 * KIB));
	assert_true(csa_region_wanted(SITE + 1000, 8 * KIB)); /* another one is not concerned */
	csa_region_add(LOW, 8 * KIB, 77, SITE);
	region = csa_region_find(LOW);
	csa_region_is_stack(region);
	assert_true(csa_region_wanted(SITE, 8 * KIB));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_region_lives_until_it_is_freed),
		TEST(a_block_at_the_same_place_replaces_the_old_one),
		TEST(what_is_left_of_a_region_goes_on),
		TEST(whole_regions_go_with_what_is_unmapped),
		TEST(a_site_has_so_many_chances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
