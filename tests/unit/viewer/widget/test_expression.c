/* SPDX-License-Identifier: Apache-2.0 */
#include "widget/expression.h"

#include <math.h>
#include <string.h>

#include "support/unit.h"

enum { STATE, FUNCTION, AGE, HEAP, SWITCHES };

static const char *const sides[] = {"left", "right"};
static const struct csv_field fields[] = {
	{"state", CSV_FIELD_TEXT},
	{"function", CSV_FIELD_TEXT},
	{"age", CSV_FIELD_DURATION},
	{"heap", CSV_FIELD_BYTES},
	{"switches", CSV_FIELD_COUNT},
	{"side", CSV_FIELD_TEXT, sides, 2},
	{NULL, 0},
};

struct row {
	const char *state;
	const char *functions[3];
	double age, heap, switches;
};

static const struct row waiting = {"waiting", {"net.Read", "main.serve", NULL}, 12e9, 3 << 20, NAN};

static double number(const void *row, int field)
{
	const struct row *r = row;

	return field == AGE ? r->age : field == HEAP ? r->heap : r->switches;
}

static bool any(const void *row, int field, bool (*test)(const void *, const char *),
                const void *context)
{
	const struct row *r = row;

	if (field == STATE)
		return test(context, r->state);
	for (int i = 0; r->functions[i]; i++)
		if (test(context, r->functions[i]))
			return true;
	return false;
}

static bool holds(const char *text)
{
	const struct csv_subject subject = {&waiting, number, any};
	struct cs_diag diag = {0};
	struct csv_expression *expression = csv_expression_new(text, fields, &diag);

	if (!expression)
		print_message("%s\n", diag.text);
	assert_non_null(expression);
	bool result = csv_expression_holds(expression, &subject);

	csv_expression_free(expression);
	return result;
}

static void comparisons_mean_what_they_say(void **state)
{
	(void)state;
	assert_true(holds("state = waiting"));
	assert_false(holds("state = wait"));
	assert_true(holds("state != running"));
	assert_true(holds("function ~ ^main\\."));
	assert_true(holds("function = net.Read"));
	assert_false(holds("function !~ serve"));
	assert_true(holds("age > 10s"));
	assert_false(holds("age > 1m"));
	assert_true(holds("heap >= 3M and heap <= 3MiB and heap = 3145728"));
	assert_true(holds("AGE<12001ms"));
}

static void words_join_as_in_english(void **state)
{
	(void)state;
	assert_true(holds("state = running or age > 10s and heap > 1M"));
	assert_false(holds("(state = running or age > 10s) and heap > 1G"));
	assert_true(holds("not state = running and not (heap > 1G)"));
	assert_true(holds("not not state = waiting"));
}

/* What is not known is neither more nor less than anything. */
static void the_unknown_compares_with_nothing(void **state)
{
	(void)state;
	assert_false(holds("switches > 0"));
	assert_false(holds("switches <= 0"));
	assert_false(holds("switches = 0"));
}

static void a_word_alone_is_looked_for_in_all_texts(void **state)
{
	(void)state;
	assert_true(holds("serve"));
	assert_true(holds("\"net.R\""));
	assert_false(holds("select"));
}

static void wrong_filters_are_told_where_and_why(void **state)
{
	static const char *const wrong[][3] = {
		{"", "a field is missing at the end", "FIELD = "},
		{"age > soon", "age is a time: 250ms, 10s, 5m, and not 'soon'", ""},
		{"heap > many", "heap is a size: 512, 64k, 1M, and not 'many'", ""},
		{"age > 10parsecs", "and not '10parsecs'", ""},
		{"color = red", "there is no field 'color'", "fields: state, function, age"},
		{"state > a", "state is no number", "= != ~ !~"},
		{"age ~ 1", "age is no text", "< <= > >="},
		{"state ~ (", "a value is missing before '('", "FIELD = "},
		{"state ~ \"(\"", "'(' is no regular expression: ", ""},
		{"(state = a", "a ) is missing at the end", "FIELD = "},
		{"state = a b", "'and' or 'or' is missing before 'b'", "FIELD = "},
		{"state = a and", "a field is missing at the end", "FIELD = "},
		{"state =", "a value is missing at the end", "FIELD = "},
		{"side = lfet", "no side is called 'lfet'", "it is one of left, right"},
		{"side = left and foo = 1", "there is no field 'foo'", "side"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct cs_diag diag = {0};

		assert_null(csv_expression_new(wrong[i][0], fields, &diag));
		if (!strstr(diag.text, wrong[i][1]))
			fail_msg("'%s': %s", wrong[i][0], diag.text);
		if (!strstr(diag.hint, wrong[i][2]))
			fail_msg("'%s', hint: %s", wrong[i][0], diag.hint);
	}
}

/* A person, or a script, may type anything. */
static void deep_nesting_is_refused_not_followed(void **state)
{
	char text[4096];
	struct cs_diag diag = {0};

	(void)state;
	memset(text, '(', sizeof(text));
	text[sizeof(text) - 1] = 0;
	assert_null(csv_expression_new(text, fields, &diag));
	assert_non_null(strstr(diag.text, "more than 32 levels"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparisons_mean_what_they_say),
		cmocka_unit_test(words_join_as_in_english),
		cmocka_unit_test(the_unknown_compares_with_nothing),
		cmocka_unit_test(a_word_alone_is_looked_for_in_all_texts),
		cmocka_unit_test(wrong_filters_are_told_where_and_why),
		cmocka_unit_test(deep_nesting_is_refused_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
