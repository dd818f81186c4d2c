/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands is whole, and agrees with what it speaks of. */
#include <string.h>

#include "command/counters.h"
#include "command/options.h"
#include "command/selection.h"
#include "support/unit.h"
#include "wire/ring.h"

static void every_command_is_explained(void **state)
{
	(void)state;
	for (size_t n = 0; cs_commands[n]; n++) {
		const struct cs_command *command = cs_commands[n];

		assert_ptr_equal(cs_command_find(command->name), command);
		assert_true(command->summary[0]);
		assert_non_null(command->usage[0]);
		assert_non_null(command->run);
		assert_true(command->operands_min <= command->operands_max ||
		            command->operand == CS_OPERAND_PROGRAM);
		assert_true((command->operand == CS_OPERAND_CHOICE) ==
		            (command->operand_choices != NULL));
	}
}

static void every_option_is_whole(void **state)
{
	const struct cs_option *option;

	(void)state;
	for (size_t n = 0; cs_commands[n]; n++) {
		const struct cs_command *command = cs_commands[n];

		for (size_t i = 0; (option = cs_option_at(command, i)); i++) {
			assert_true(option->help && option->help[0]);
			assert_true((option->kind == CS_OPTION_FLAG) == (option->argument == NULL));
			assert_false(option->optional && option->letter);
			assert_true(strncmp(option->name, "no-", 3) != 0 || !option->negatable);
		}
	}
}

static void no_option_is_there_twice(void **state)
{
	const struct cs_option *one, *two;

	(void)state;
	for (size_t n = 0; cs_commands[n]; n++) {
		const struct cs_command *command = cs_commands[n];

		for (size_t i = 0; (one = cs_option_at(command, i)); i++) {
			for (size_t j = 0; j < i; j++) {
				two = cs_option_at(command, j);
				assert_string_not_equal(one->name, two->name);
				assert_false(one->letter && one->letter == two->letter);
			}
		}
	}
}

static void choices_are_those_of_the_model(void **state)
{
	(void)state;
	for (int metric = 0; metric < CS_METRIC_COUNT; metric++)
		assert_string_equal(cs_metric_choices[metric], cs_metric_info[metric].name);
	assert_null(cs_metric_choices[CS_METRIC_COUNT]);
	for (int by = 0; by < CS_BY_COUNT; by++)
		assert_non_null(cs_by_names[by]);
	assert_null(cs_by_names[CS_BY_COUNT]);
}

static void every_counter_has_words(void **state)
{
	(void)state;
	for (uint32_t counter = 0; counter <= CS_AGENT_TABLE_BYTES; counter++)
		assert_non_null(cs_counter_info(counter));
	assert_null(cs_counter_info(CS_AGENT_TABLE_BYTES + 1));
	assert_null(cs_counter_info(UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_is_explained),
		cmocka_unit_test(every_option_is_whole),
		cmocka_unit_test(no_option_is_there_twice),
		cmocka_unit_test(choices_are_those_of_the_model),
		cmocka_unit_test(every_counter_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
