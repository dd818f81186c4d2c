/* SPDX-License-Identifier: Apache-2.0 */
/* cs-link: -lm */
/*
 * The sampler: the gaps have the distribution that makes estimates unbiased, and the table
 * of live samples forgets nothing and invents nothing, also with several threads.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/agent.h"
#include "heap/sampler.h"
#include "support/unit.h"

#define MEAN 8192

static struct cs_session session = {.magic = CS_SESSION_MAGIC, .enabled = 1};
static _Atomic uint32_t alive = 1;

static void start(uint64_t mean, uint64_t seed)
{
	memset(&csa_agent, 0, sizeof(csa_agent));
	memset(&csa_tls, 0, sizeof(csa_tls));
	memset(&csa_filter, 0, sizeof(csa_filter));
	csa_filter.mask = CSA_FILTER_FEW;
	csa_agent.session = &session;
	csa_agent.alive = &alive;
	csa_agent.heap = true;
	csa_agent.exact = mean == 1;
	csa_agent.state = CSA_ON;
	assert_int_equal(csa_sampler_start(mean, seed), 0);
}

static bool sampled(size_t size)
{
	return csa_take_bytes(size) && csa_sampler_due(size);
}

/* For each size: seen with probability 1 - exp(-size/mean), within 4 standard deviations. */
static void the_chance_of_a_block_follows_its_size(void **state)
{
	static const size_t sizes[] = {0, 1, 100, 1000, 8192, 20000, 100000};
	enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), TRIALS = 400000 };
	double hits[SIZES] = {0};

	(void)state;
	start(MEAN, 42);
	for (int i = 0; i < TRIALS * SIZES; i++)
		hits[i % SIZES] += sampled(sizes[i % SIZES]);
	for (int i = 0; i < SIZES; i++) {
		double p = 1 - exp(-(double)(sizes[i] ? sizes[i] : 1) / MEAN);
		double deviation = sqrt(TRIALS * p * (1 - p)) + 1;

		assert_true(fabs(hits[i] - TRIALS * p) < 4 * deviation);
	}
}

static uint64_t pattern(uint64_t seed)
{
	uint64_t bits = 0;

	start(MEAN, seed);
	for (int i = 0; i < 5000; i++)
		bits = bits * 31 + sampled(1000);
	return bits;
}

/* The number of the thread goes into its seed, which start() makes it forget. */
static void different_threads_draw_different_samples(void **state)
{
	(void)state;
	assert_true(pattern(7) != pattern(7)); /* a second thread's life, as far as it knows */
	assert_true(pattern(7) != pattern(8));
}

static void exact_mode_takes_every_allocation(void **state)
{
	(void)state;
	start(1, 0);
	for (size_t size = 0; size < 1000; size++) {
		assert_true(sampled(size));
		assert_true(csa_perhaps_recorded((void *)(size * 16)));
	}
}

static void nested_calls_of_the_allocator_take_nothing(void **state)
{
	(void)state;
	start(MEAN, 42);
	sampled(1);
	csa_tls.bytes_left = 100;
	csa_tls.inside = 1;
	assert_false(sampled(1000));
	csa_tls.inside = 0;
	assert_int_equal(csa_tls.bytes_left, 100);
}

/* ---- live samples ---- */

#define BLOCKS 20000u

static void *add_and_remove(void *argument)
{
	uintptr_t base = (uintptr_t)argument << 32;
	uintptr_t failures = 0;

	for (int round = 0; round < 20; round++) {
		for (uintptr_t i = 1; i <= BLOCKS; i++)
			failures += !csa_live_add((void *)(base + i * 48));
		for (uintptr_t i = 1; i <= BLOCKS; i++) {
			failures += !csa_perhaps_recorded((void *)(base + i * 48));
			failures += !csa_live_remove((void *)(base + i * 48));
		}
	}
	return (void *)failures;
}

static void live_samples_are_found_once_by_all_threads(void **state)
{
	pthread_t threads[4];

	(void)state;
	start(MEAN, 1);
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, add_and_remove, (void *)(i + 1));
	for (int i = 0; i < 4; i++) {
		void *failures;

		pthread_join(threads[i], &failures);
		assert_null(failures);
	}
	for (uintptr_t i = 1; i <= BLOCKS; i++)
		assert_false(csa_live_remove((void *)((UINT64_C(1) << 32) + i * 48)));
}

/* Few samples are looked for in few cache lines; what they missed would be a leak. */
static void the_filter_grows_and_forgets_nothing(void **state)
{
	uint32_t said_no = 0;

	(void)state;
	start(MEAN, 1);
	assert_int_equal(csa_filter.mask, CSA_FILTER_FEW);
	for (uintptr_t i = 1; i <= 1000; i++) {
		assert_true(csa_live_add((void *)(i * 0x12340)));
		for (uintptr_t k = 1; k <= i; k++)
			assert_true(csa_perhaps_recorded((void *)(k * 0x12340)));
	}
	assert_int_equal(csa_filter.mask, CSA_FILTER_BYTES - 1);
	for (uintptr_t i = 1; i <= 1000; i++)
		assert_true(csa_live_remove((void *)(i * 0x12340)));
	for (uintptr_t i = 1; i <= 1000; i++)
		said_no += !csa_perhaps_recorded((void *)(i * 0x12340));
	assert_int_equal(said_no, 1000);
}

static void a_full_table_says_so(void **state)
{
	uintptr_t added = 0;

	(void)state;
	start(1 << 20, 1);
	for (uintptr_t i = 1; i <= 200000; i++)
		added += csa_live_add((void *)(i * 4096));
	assert_true(added > 50000 && added <= (1u << 16) + 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_chance_of_a_block_follows_its_size),
		cmocka_unit_test(different_threads_draw_different_samples),
		cmocka_unit_test(exact_mode_takes_every_allocation),
		cmocka_unit_test(nested_calls_of_the_allocator_take_nothing),
		cmocka_unit_test(live_samples_are_found_once_by_all_threads),
		cmocka_unit_test(the_filter_grows_and_forgets_nothing),
		cmocka_unit_test(a_full_table_says_so),
	};

	int failures = cmocka_run_group_tests(tests, NULL, NULL);

	csa_agent.state = CSA_OFF; /* there is no ring that the agent's destructor could end */
	return failures;
}
