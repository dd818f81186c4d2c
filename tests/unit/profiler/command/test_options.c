/* SPDX-License-Identifier: Apache-2.0 */
/* One reader of options for all commands: what it takes, and how it refuses. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/options.h"
#include "support/unit.h"

static const char *const colours[] = {"red", "green", NULL};
static const char *const all[] = {"all", NULL};

static const struct cs_option options[] = {
	{.name = "output", .letter = 'o', .kind = CS_OPTION_TEXT, .argument = "FILE"},
	{.name = "heap",
         .negatable = true,
         .optional = true,
         .kind = CS_OPTION_SIZE,
         .argument = "BYTES",
         .choices = all},
	{.name = "duration", .letter = 'd', .kind = CS_OPTION_DURATION, .argument = "TIME"},
	{.name = "limit", .letter = 'n', .kind = CS_OPTION_COUNT, .argument = "N"},
	{.name = "colour", .kind = CS_OPTION_TEXT, .argument = "C", .choices = colours},
	{.name = "json", .letter = 'j'},
	{.name = "children", .negatable = true},
	{0},
};
static const struct cs_option_group group = {NULL, options};
static const struct cs_option_group *const groups[] = {&group, NULL};

static const struct cs_command reading = {
	.name = "reading",
	.usage = (const char *const[]){"FILE", NULL},
	.groups = groups,
	.operand = CS_OPERAND_TRACE,
	.operands_min = 1,
	.operands_max = 2,
};
static const struct cs_command launching = {
	.name = "launching",
	.usage = (const char *const[]){"PROGRAM", NULL},
	.groups = groups,
	.operand = CS_OPERAND_PROGRAM,
};

/* A line, read; freed by the end of the test. */
struct line {
	struct cs_args args;
	struct cs_diag diag;
	char *words[16];
	char text[256];
	int status;
};

static void read_line(struct line *line, const struct cs_command *command, const char *text)
{
	int count = 0;

	memset(line, 0, sizeof(*line));
	snprintf(line->text, sizeof(line->text), "%s", text);
	for (char *word = strtok(line->text, " "); word; word = strtok(NULL, " "))
		line->words[count++] = word;
	line->status = cs_args_read(&line->args, command, count, line->words, &line->diag);
}

#define WITH_LINE(line, command, text)                                         \
	for (bool once = (read_line(&(line), &(command), (text)), true); once; \
	     once = (cs_args_free(&(line).args), false))

static void all_spellings_of_an_argument_are_one(void **state)
{
	static const char *const spellings[] = {"--output x f", "--output=x f", "-o x f",
	                                        "-ox f",        "f -jox",       "f --output x"};
	struct line line;

	(void)state;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
		WITH_LINE(line, reading, spellings[i])
		{
			assert_int_equal(line.status, 0);
			assert_string_equal(cs_args_text(&line.args, "output", ""), "x");
			assert_int_equal(line.args.operand_count, 1);
			assert_string_equal(line.args.operands[0], "f");
		}
	}
}

static void what_is_not_given_has_its_preset(void **state)
{
	struct line line;

	(void)state;
	WITH_LINE(line, reading, "f")
	{
		assert_false(cs_args_on(&line.args, "json"));
		assert_false(cs_args_get(&line.args, "heap")->given);
		assert_null(cs_args_text(&line.args, "output", NULL));
		assert_int_equal(cs_args_number(&line.args, "limit", 20), 20);
		assert_false(line.args.quiet);
	}
}

static void numbers_are_read_with_their_units(void **state)
{
	struct line line;

	(void)state;
	WITH_LINE(line, reading, "--heap=64k -d 1m30s -n5 f")
	{
		assert_int_equal(line.status, 0);
		assert_int_equal(cs_args_number(&line.args, "heap", 0), 65536);
		assert_true(cs_args_number(&line.args, "duration", 0) == UINT64_C(90000000000));
		assert_int_equal(cs_args_number(&line.args, "limit", 0), 5);
	}
}

static void an_optional_argument_never_takes_the_next_word(void **state)
{
	struct line line;

	(void)state;
	WITH_LINE(line, reading, "--heap f")
	{
		assert_int_equal(line.status, 0);
		assert_true(cs_args_on(&line.args, "heap"));
		assert_null(cs_args_text(&line.args, "heap", NULL));
		assert_string_equal(line.args.operands[0], "f");
	}
	WITH_LINE(line, reading, "--heap=all f")
	{
		assert_int_equal(line.status, 0);
		assert_string_equal(cs_args_text(&line.args, "heap", ""), "all");
	}
}

static void the_last_one_counts(void **state)
{
	struct line line;

	(void)state;
	WITH_LINE(line, reading, "--heap=4k --no-heap f")
	{
		assert_false(cs_args_on(&line.args, "heap"));
		assert_true(cs_args_get(&line.args, "heap")->negated);
	}
	WITH_LINE(line, reading, "--no-heap --heap=4k f")
	assert_int_equal(cs_args_number(&line.args, "heap", 0), 4096);
	WITH_LINE(line, reading, "--no-children f")
	assert_true(cs_args_get(&line.args, "children")->negated);
}

static void a_programs_own_options_are_not_ours(void **state)
{
	struct line line;

	(void)state;
	WITH_LINE(line, launching, "-o x prog -o y --json -- -q")
	{
		assert_int_equal(line.status, 0);
		assert_string_equal(cs_args_text(&line.args, "output", ""), "x");
		assert_false(cs_args_on(&line.args, "json"));
		assert_int_equal(line.args.operand_count, 6);
		assert_string_equal(line.args.operands[4], "--");
		assert_null(line.args.operands[6]);
	}
	WITH_LINE(line, launching, "-o x -- -prog --help")
	{
		assert_false(line.args.help);
		assert_string_equal(line.args.operands[0], "-prog");
		assert_string_equal(line.args.operands[1], "--help");
	}
}

static void two_dashes_end_the_options(void **state)
{
	struct line line;

	(void)state;
	WITH_LINE(line, reading, "--json -- --json -")
	{
		assert_int_equal(line.status, 0);
		assert_int_equal(line.args.operand_count, 2);
		assert_string_equal(line.args.operands[0], "--json");
		assert_string_equal(line.args.operands[1], "-");
	}
}

static void a_time_before_the_end_is_an_argument(void **state)
{
	struct line line;

	(void)state;
	WITH_LINE(line, reading, "--output -10s f")
	assert_string_equal(cs_args_text(&line.args, "output", ""), "-10s");
}

static void general_options_are_everywhere(void **state)
{
	struct line line;

	(void)state;
	WITH_LINE(line, reading, "-qvv f --verbose")
	{
		assert_true(line.args.quiet);
		assert_int_equal(line.args.verbose, 3);
	}
	/* Help is given before anything else is found wrong behind it. */
	WITH_LINE(line, reading, "--help --nonsense a b c d")
	{
		assert_int_equal(line.status, 0);
		assert_true(line.args.help);
	}
}

struct refusal {
	const char *line;
	const char *text, *hint; /* a part of each */
};

static void refusals_say_what_is_valid(void **state)
{
	static const struct refusal refusals[] = {
		{"--jsno f", "understand --jsno: 'reading' has no such option",
	         "did you mean --json?"},
		{"--zzz=3 f", "--zzz=3", "--output, --heap"},
		{"-z f", "understand -z", "options are"},
		{"-jz f", "understand -jz", "options are"},
		{"--json=yes f", "--json takes no argument", ""},
		{"--no-json f", "has no such option", ""},
		{"--no-heap=3 f", "has no such option", ""},
		{"f --output", "its FILE is missing", "--output FILE"},
		{"f -o", "its FILE is missing", ""},
		{"--colour rde f", "understand --colour rde",
	         "did you mean red? Valid are red, green"},
		{"--colour xyz f", "no such value", "valid are red, green"},
		{"--heap=x f", "'x': not a size", "or all"},
		{"--heap= f", "'': not a size", "512KiB"},
		{"-d 5x f", "'5x': not a duration", "250ms"},
		{"-n -1 f", "'-1': not a whole number", "10"},
		{"-n 99999999999999999999 f", "too large", ""},
		{"", "it needs an argument", "usage: coroscope reading FILE"},
		{"a b c", "'c' is one argument too many", "usage:"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		struct line line;

		WITH_LINE(line, reading, refusals[i].line)
		{
			assert_int_equal(line.status, -EINVAL);
			assert_non_null(strstr(line.diag.text, refusals[i].text));
			assert_non_null(strstr(line.diag.hint, refusals[i].hint));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_spellings_of_an_argument_are_one),
		cmocka_unit_test(what_is_not_given_has_its_preset),
		cmocka_unit_test(numbers_are_read_with_their_units),
		cmocka_unit_test(an_optional_argument_never_takes_the_next_word),
		cmocka_unit_test(the_last_one_counts),
		cmocka_unit_test(a_programs_own_options_are_not_ours),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(a_time_before_the_end_is_an_argument),
		cmocka_unit_test(general_options_are_everywhere),
		cmocka_unit_test(refusals_say_what_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
