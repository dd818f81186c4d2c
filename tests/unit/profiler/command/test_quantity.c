/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and durations as people type them. */
#include <errno.h>

#include "command/quantity.h"
#include "support/unit.h"

#define KIB UINT64_C(1024)
#define SEC UINT64_C(1000000000)

struct reading {
	const char *text;
	uint64_t value;
};

static void sizes_are_read(void **state)
{
	static const struct reading readings[] = {
		{"0", 0},
		{"4096", 4096},
		{"64k", 64 * KIB},
		{"64K", 64 * KIB},
		{"512KiB", 512 * KIB},
		{"512kb", 512 * KIB},
		{"1M", KIB * KIB},
		{"1.5m", KIB * KIB * 3 / 2},
		{"1.5GiB", KIB * KIB * KIB * 3 / 2},
		{"2T", 2 * KIB * KIB * KIB * KIB},
		{"100B", 100},
		{"18446744073709551615", UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(readings) / sizeof(*readings); i++) {
		uint64_t bytes = 1;

		assert_int_equal(cs_parse_size(readings[i].text, &bytes), 0);
		assert_true(bytes == readings[i].value);
	}
}

static void durations_are_read(void **state)
{
	static const struct reading readings[] = {
		{"10", 10 * SEC},
		{"1.5s", SEC * 3 / 2},
		{"250ms", SEC / 4},
		{"1m30s", 90 * SEC},
		{"2h", 7200 * SEC},
		{"1h1m1s1ms1us1ns", 3661 * SEC + 1001001},
		{"5min", 300 * SEC},
		{"0.1s", SEC / 10},
		{"0.0000000019s", 1},
		{"0", 0},
		{"18446744073s", 18446744073 * SEC},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(readings) / sizeof(*readings); i++) {
		uint64_t ns = 1;

		assert_int_equal(cs_parse_duration(readings[i].text, &ns), 0);
		assert_true(ns == readings[i].value);
	}
}

static void what_is_no_number_is_refused(void **state)
{
	static const char *const wrong[] = {"",    " 1",   "-1", "+1", "1 ",  "1O0", "0x10", "k",
	                                    "1kk", "1..5", "1.", ".5", "1e3", "all", "1k5",  "١"};
	uint64_t value = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(cs_parse_size(wrong[i], &value), -EINVAL);
		assert_int_equal(cs_parse_count(wrong[i], &value), -EINVAL);
	}
	assert_int_equal(cs_parse_count("1.5", &value), -EINVAL);
	assert_int_equal(value, 7);
}

static void what_is_no_duration_is_refused(void **state)
{
	static const char *const wrong[] = {"",     "s",   "1x",  "1m30", "30s1m",
	                                    "1s1s", "-1s", "1 s", "1.s"};
	uint64_t value = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(cs_parse_duration(wrong[i], &value), -EINVAL);
	assert_int_equal(value, 7);
}

static void what_does_not_fit_is_refused(void **state)
{
	uint64_t value = 7;

	(void)state;
	assert_int_equal(cs_parse_count("18446744073709551616", &value), -ERANGE);
	assert_int_equal(cs_parse_size("18446744073709551615k", &value), -ERANGE);
	assert_int_equal(cs_parse_size("16777216T", &value), -ERANGE);
	assert_int_equal(cs_parse_duration("18446744074s", &value), -ERANGE);
	assert_int_equal(cs_parse_duration("99999999h", &value), -ERANGE);
	assert_int_equal(value, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_read),
		cmocka_unit_test(durations_are_read),
		cmocka_unit_test(what_is_no_number_is_refused),
		cmocka_unit_test(what_is_no_duration_is_refused),
		cmocka_unit_test(what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
