/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean" and the lists of what is valid. */
#include <string.h>

#include "command/words.h"
#include "support/unit.h"

static void distance_counts_slips_of_the_finger(void **state)
{
	(void)state;
	assert_int_equal(cs_words_distance("heap", "heap"), 0);
	assert_int_equal(cs_words_distance("haep", "heap"), 1); /* swapped */
	assert_int_equal(cs_words_distance("hep", "heap"), 1);  /* one missing */
	assert_int_equal(cs_words_distance("heeap", "heap"), 1);
	assert_int_equal(cs_words_distance("heat", "heap"), 1);
	assert_int_equal(cs_words_distance("", "heap"), 4);
	assert_int_equal(cs_words_distance("metrik", "metric"), 1);
}

static const char *best_of(const char *typed)
{
	static struct cs_words words;

	cs_words_begin(&words, typed);
	cs_words_add(&words, "", "heap");
	cs_words_add(&words, "", "help");
	cs_words_add(&words, "", "symbolize");
	return words.best;
}

static void the_nearest_is_meant_and_only_if_it_is_near(void **state)
{
	(void)state;
	assert_string_equal(best_of("haep"), "heap");
	assert_string_equal(best_of("helpp"), "help");
	assert_string_equal(best_of("symbolise"), "symbolize");
	assert_string_equal(best_of("symb"), "symbolize");
	assert_string_equal(best_of("zzz"), "");
	assert_string_equal(best_of(""), "");
}

static void a_long_word_is_met_without_a_suggestion(void **state)
{
	char typed[4096];

	(void)state;
	memset(typed, 'x', sizeof(typed) - 1);
	typed[sizeof(typed) - 1] = 0;
	assert_string_equal(best_of(typed), "");
}

static void a_list_that_gets_too_long_is_cut_between_words(void **state)
{
	struct cs_words words;

	(void)state;
	cs_words_begin(&words, "last");
	for (int i = 0; i < 100; i++)
		cs_words_add(&words, "--", "a-rather-long-option");
	cs_words_add(&words, "--", "last");
	assert_true(strlen(words.text) < CS_WORDS_BYTES);
	assert_string_equal(strrchr(words.text, ',') + 2, "…");
	assert_string_equal(words.best, "last");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distance_counts_slips_of_the_finger),
		cmocka_unit_test(the_nearest_is_meant_and_only_if_it_is_near),
		cmocka_unit_test(a_long_word_is_met_without_a_suggestion),
		cmocka_unit_test(a_list_that_gets_too_long_is_cut_between_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
