/* SPDX-License-Identifier: Apache-2.0 */
#include "source/clock.h"
#include "support/unit.h"

/* A counter of 2 GHz, in a session that starts at stamp 1000 and 5 s of monotonic time. */
static struct cs_clock clock_of_2_ghz(void)
{
	struct cs_clock clock = {
		.mono_start_ns = 5000000000, .count = 1, .pairs = {{1000, 5000000000}}};

	cs_clock_add(&clock, 1000 + 2000000, 5001000000);
	return clock;
}

static void stamps_become_nanoseconds(void **state)
{
	struct cs_clock clock = clock_of_2_ghz();

	(void)state;
	assert_int_equal(cs_clock_ns(&clock, CS_CLOCK_TSC, 1000), 0);
	assert_int_equal(cs_clock_ns(&clock, CS_CLOCK_TSC, 3000), 1000);
	assert_int_equal(cs_clock_ns(&clock, CS_CLOCK_TSC, 2001000), 1000000);
	/* Beyond the last pair it goes on as before. */
	assert_int_equal(cs_clock_ns(&clock, CS_CLOCK_TSC, 4001000), 2000000);
	assert_int_equal(cs_clock_ns(&clock, CS_CLOCK_MONOTONIC, 5000000007), 7);
	assert_int_equal(cs_clock_span(&clock, CS_CLOCK_TSC, 1000), 2000);
}

static void before_the_session_is_its_start(void **state)
{
	struct cs_clock clock = clock_of_2_ghz();

	(void)state;
	assert_int_equal(cs_clock_ns(&clock, CS_CLOCK_TSC, 10), 0);
	assert_int_equal(cs_clock_ns(&clock, CS_CLOCK_MONOTONIC, 10), 0);
}

/* The clock is slewed: each interval has its own rate. */
static void the_past_keeps_its_rate(void **state)
{
	struct cs_clock clock = clock_of_2_ghz();

	(void)state;
	cs_clock_add(&clock, 1000 + 4000000, 5003000000); /* 1 GHz there */
	assert_int_equal(cs_clock_ns(&clock, CS_CLOCK_TSC, 1001000), 500000);
	assert_int_equal(cs_clock_ns(&clock, CS_CLOCK_TSC, 3001000), 2000000);
	assert_int_equal(cs_clock_ns(&clock, CS_CLOCK_TSC, 1001000), 500000);
}

static void a_long_session_keeps_its_start(void **state)
{
	struct cs_clock clock = clock_of_2_ghz();
	uint64_t before = 0;

	(void)state;
	for (uint64_t i = 2; i < 100000; i++)
		cs_clock_add(&clock, 1000 + i * 2000000, 5000000000 + i * 1000000);
	assert_true(clock.count <= CS_CLOCK_PAIRS);
	for (uint64_t stamp = 100000; stamp < UINT64_C(200000000000); stamp += 12345678901) {
		uint64_t ns = cs_clock_ns(&clock, CS_CLOCK_TSC, stamp);

		assert_in_range(ns, (stamp - 1000) / 2 - 1, (stamp - 1000) / 2 + 1);
		assert_true(ns >= before);
		before = ns;
	}
}

static void wild_stamps_do_no_harm(void **state)
{
	struct cs_clock clock = clock_of_2_ghz();

	(void)state;
	cs_clock_ns(&clock, CS_CLOCK_TSC, UINT64_MAX);
	cs_clock_ns(&clock, CS_CLOCK_TSC, UINT64_MAX - 1);
	assert_int_equal(cs_clock_ns(&clock, CS_CLOCK_TSC, 3000), 1000);
}

static void the_real_clock_agrees_with_itself(void **state)
{
	struct cs_clock clock;

	(void)state;
	cs_clock_start(&clock);
	for (int i = 0; i < 200; i++) {
		uint64_t before, ns, after;

		cs_clock_tick(&clock);
		before = cs_clock_now_ns(&clock);
		ns = cs_clock_ns(&clock, CS_CLOCK_TSC, cs_clock_tsc());
		after = cs_clock_now_ns(&clock);
		assert_in_range(ns, before - (before > 50000 ? 50000 : before), after + 50000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamps_become_nanoseconds),
		cmocka_unit_test(before_the_session_is_its_start),
		cmocka_unit_test(the_past_keeps_its_rate),
		cmocka_unit_test(a_long_session_keeps_its_start),
		cmocka_unit_test(wild_stamps_do_no_harm),
		cmocka_unit_test(the_real_clock_agrees_with_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
