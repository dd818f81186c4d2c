/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a row passes. Rows of a million coroutines have few texts between them: what was found
 * of one is remembered for all that are the same.
 */
#include "widget/expression_private.h"

#include <stdlib.h>
#include <string.h>

#define KNOWN_MAX (1u << 22)

static bool matches(const void *context, const char *text)
{
	const struct csv_expression *expression = context;

	return !regexec(&expression->pattern, text, 0, NULL, 0);
}

static bool equals(const void *context, const char *text)
{
	const struct csv_expression *expression = context;

	return !strcmp(expression->text, text);
}

static bool contains(const void *context, const char *text)
{
	const struct csv_expression *expression = context;

	return strstr(text, expression->text) != NULL;
}

void csv_expression_forget(struct csv_expression *expression)
{
	if (!expression)
		return;
	if (expression->known)
		memset(expression->known, 0, expression->known_count);
	csv_expression_forget(expression->left);
	csv_expression_forget(expression->right);
}

/* Room for what is known of rows like SAME; NULL: no memory, or none that is worth it. */
static uint8_t *known_of(struct csv_expression *expression, uint32_t same)
{
	if (!same || same > KNOWN_MAX)
		return NULL;
	if (same >= expression->known_count) {
		size_t count = (size_t)same * 2 + 64;
		uint8_t *known = realloc(expression->known, count);

		if (!known)
			return NULL;
		memset(known + expression->known_count, 0, count - expression->known_count);
		expression->known = known;
		expression->known_count = count;
	}
	return &expression->known[same];
}

/* Whether a text of the field passes the expression's own test. */
static bool text_holds(struct csv_expression *expression, const struct csv_subject *subject)
{
	bool (*test)(const void *, const char *) = expression->kind == CSV_LIKE ? matches : equals;
	uint8_t *known = NULL;
	bool holds;

	if (subject->same)
		known = known_of(expression, subject->same(subject->row, expression->field));
	if (known && *known)
		return *known == 2;
	holds = subject->any(subject->row, expression->field, test, expression);
	if (known)
		*known = holds ? 2 : 1;
	return holds;
}

static bool any_text_contains(const struct csv_expression *expression,
                              const struct csv_subject *subject)
{
	for (int i = 0; expression->fields[i].name; i++)
		if (expression->fields[i].kind == CSV_FIELD_TEXT &&
		    subject->any(subject->row, i, contains, expression))
			return true;
	return false;
}

static bool compares(const struct csv_expression *expression, double value)
{
	/* Comparisons with NAN are false, as they should be. */
	switch (expression->kind) {
	case CSV_LESS:
		return value < expression->number;
	case CSV_GREATER:
		return value > expression->number;
	case CSV_AT_MOST:
		return value <= expression->number;
	case CSV_AT_LEAST:
		return value >= expression->number;
	default:
		return value >= expression->number && value <= expression->number;
	}
}

bool csv_expression_holds(struct csv_expression *expression, const struct csv_subject *subject)
{
	if (!expression)
		return true;
	switch (expression->kind) {
	case CSV_AND:
		return csv_expression_holds(expression->left, subject) &&
		       csv_expression_holds(expression->right, subject);
	case CSV_OR:
		return csv_expression_holds(expression->left, subject) ||
		       csv_expression_holds(expression->right, subject);
	case CSV_NOT:
		return !csv_expression_holds(expression->left, subject);
	case CSV_CONTAINS:
		return any_text_contains(expression, subject);
	case CSV_LIKE:
		return text_holds(expression, subject);
	default:
		break;
	}
	if (expression->fields[expression->field].kind == CSV_FIELD_TEXT)
		return text_holds(expression, subject);
	return compares(expression, subject->number(subject->row, expression->field));
}
