/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recursive descent over the text makes a tree; every level of nesting costs a level of the
 * C stack, so nesting is bounded. Regular expressions are compiled once.
 */
#include "widget/expression.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NESTING_MAX 32
#define WORD_MAX 256
#define KNOWN_MAX (1u << 22)

enum kind { AND, OR, NOT, LIKE, EQUAL, LESS, GREATER, AT_LEAST, AT_MOST, CONTAINS };

struct csv_expression {
	enum kind kind;
	int field; /* of LIKE to AT_MOST; CONTAINS: all texts */
	double number;
	char *text;
	bool has_pattern;
	regex_t pattern;
	const struct csv_field *fields;
	uint8_t *known; /* by csv_subject.same(): 0 not asked, 1 false, 2 true */
	size_t known_count;
	struct csv_expression *left, *right;
};

struct parser {
	const char *at;
	const struct csv_field *fields;
	struct cs_diag *diag;
	int nesting;
	bool failed;
};

static struct csv_expression *parse_or(struct parser *parser);

void csv_expression_free(struct csv_expression *expression)
{
	if (!expression)
		return;
	csv_expression_free(expression->left);
	csv_expression_free(expression->right);
	if (expression->has_pattern)
		regfree(&expression->pattern);
	free(expression->text);
	free(expression->known);
	free(expression);
}

static struct csv_expression *fail(struct parser *parser, const char *why)
{
	char known[256] = "";
	size_t used = 0;

	if (parser->failed)
		return NULL;
	parser->failed = true;
	cs_diag_set(parser->diag, -EINVAL, "understand the filter: %s at '%.40s'", why, parser->at);
	for (const struct csv_field *field = parser->fields; field->name; field++)
		used += (size_t)snprintf(known + used,
		                         used < sizeof(known) ? sizeof(known) - used : 0, "%s%s",
		                         used ? ", " : "", field->name);
	cs_diag_hint(parser->diag, "FIELD = ~ != < > VALUE, joined by and, or, not; fields: %s",
	             known);
	return NULL;
}

static struct csv_expression *node(struct parser *parser, enum kind kind,
                                   struct csv_expression *left, struct csv_expression *right)
{
	struct csv_expression *expression = calloc(1, sizeof(*expression));

	if (!expression) {
		csv_expression_free(left);
		csv_expression_free(right);
		return fail(parser, "no memory");
	}
	expression->kind = kind;
	expression->fields = parser->fields;
	expression->left = left;
	expression->right = right;
	return expression;
}

/* ---- words ---- */

static void skip_blanks(struct parser *parser)
{
	while (isspace((unsigned char)*parser->at))
		parser->at++;
}

static bool is_word(char c)
{
	return c && !isspace((unsigned char)c) && !strchr("()=~!<>\"", c);
}

/* The keyword WORD, alone. */
static bool take_keyword(struct parser *parser, const char *word)
{
	size_t length = strlen(word);

	skip_blanks(parser);
	if (strncasecmp(parser->at, word, length) || is_word(parser->at[length]))
		return false;
	parser->at += length;
	return true;
}

static bool take_sign(struct parser *parser, const char *sign)
{
	size_t length = strlen(sign);

	skip_blanks(parser);
	if (strncmp(parser->at, sign, length))
		return false;
	parser->at += length;
	return true;
}

/* A bare or quoted word; quotes keep blanks and signs, and "" is a quote within. */
static bool take_word(struct parser *parser, char *word)
{
	size_t used = 0;
	bool quoted;

	skip_blanks(parser);
	quoted = *parser->at == '"';
	if (quoted)
		parser->at++;
	else if (!is_word(*parser->at))
		return false;
	while (*parser->at && (quoted ? *parser->at != '"' : is_word(*parser->at))) {
		if (used + 1 < WORD_MAX)
			word[used++] = *parser->at;
		parser->at++;
	}
	if (quoted && *parser->at == '"')
		parser->at++;
	word[used] = 0;
	return true;
}

/* ---- values ---- */

static const struct {
	enum csv_field_kind kind;
	const char *unit;
	double factor;
} units[] = {
	{CSV_FIELD_COUNT, "", 1},           {CSV_FIELD_COUNT, "k", 1e3},
	{CSV_FIELD_COUNT, "M", 1e6},        {CSV_FIELD_BYTES, "", 1},
	{CSV_FIELD_BYTES, "B", 1},          {CSV_FIELD_BYTES, "k", 1024},
	{CSV_FIELD_BYTES, "K", 1024},       {CSV_FIELD_BYTES, "KiB", 1024},
	{CSV_FIELD_BYTES, "M", 0x1p20},     {CSV_FIELD_BYTES, "MiB", 0x1p20},
	{CSV_FIELD_BYTES, "G", 0x1p30},     {CSV_FIELD_BYTES, "GiB", 0x1p30},
	{CSV_FIELD_DURATION, "", 1e9},      {CSV_FIELD_DURATION, "ns", 1},
	{CSV_FIELD_DURATION, "us", 1e3},    {CSV_FIELD_DURATION, "ms", 1e6},
	{CSV_FIELD_DURATION, "s", 1e9},     {CSV_FIELD_DURATION, "m", 60e9},
	{CSV_FIELD_DURATION, "min", 60e9},  {CSV_FIELD_DURATION, "h", 3600e9},
	{CSV_FIELD_DURATION, "d", 86400e9},
};

static bool read_number(enum csv_field_kind kind, const char *word, double *number)
{
	char *unit;
	double value = strtod(word, &unit);

	if (unit == word || !isfinite(value))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (units[i].kind == kind && !strcmp(units[i].unit, unit)) {
			*number = value * units[i].factor;
			return true;
		}
	}
	return false;
}

static int find_field(const struct parser *parser, const char *word)
{
	for (int i = 0; parser->fields[i].name; i++)
		if (!strcasecmp(parser->fields[i].name, word))
			return i;
	return -1;
}

/* ---- comparisons ---- */

static const struct {
	const char *sign;
	enum kind kind;
	bool negated;
} signs[] = {
	{"!=", EQUAL, true},    {"!~", LIKE, true},    {">=", AT_LEAST, false},
	{"<=", AT_MOST, false}, {"==", EQUAL, false},  {"=", EQUAL, false},
	{"~", LIKE, false},     {">", GREATER, false}, {"<", LESS, false},
};

static struct csv_expression *with_value(struct parser *parser, struct csv_expression *expression,
                                         const char *word)
{
	enum csv_field_kind kind = parser->fields[expression->field].kind;
	const char *why = NULL;

	if (kind != CSV_FIELD_TEXT && expression->kind == LIKE)
		why = "~ is for texts";
	else if (kind == CSV_FIELD_TEXT && expression->kind != LIKE && expression->kind != EQUAL)
		why = "< and > are for numbers";
	else if (kind != CSV_FIELD_TEXT && !read_number(kind, word, &expression->number))
		why = kind == CSV_FIELD_DURATION ? "a time is wanted (250ms, 10s, 5m)"
		      : kind == CSV_FIELD_BYTES  ? "a size is wanted (64k, 1M)"
		                                 : "a number is wanted";
	else if (expression->kind == LIKE &&
	         regcomp(&expression->pattern, word, REG_EXTENDED | REG_NOSUB))
		why = "a wrong regular expression";
	else
		expression->has_pattern = expression->kind == LIKE;
	expression->text = why ? NULL : strdup(word);
	if (!why && expression->text)
		return expression;
	csv_expression_free(expression);
	return fail(parser, why ? why : "no memory");
}

static struct csv_expression *comparison(struct parser *parser, int field)
{
	char word[WORD_MAX];

	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		struct csv_expression *expression;

		if (!take_sign(parser, signs[i].sign))
			continue;
		if (field < 0)
			return fail(parser, "there is no such field");
		if (!take_word(parser, word))
			return fail(parser, "a value is missing");
		expression = node(parser, signs[i].kind, NULL, NULL);
		if (!expression)
			return NULL;
		expression->field = field;
		expression = with_value(parser, expression, word);
		if (expression && signs[i].negated)
			expression = node(parser, NOT, expression, NULL);
		return expression;
	}
	return NULL;
}

static struct csv_expression *primary(struct parser *parser)
{
	struct csv_expression *expression;
	char word[WORD_MAX];

	if (take_sign(parser, "(")) {
		expression = parse_or(parser);
		if (expression && !take_sign(parser, ")")) {
			csv_expression_free(expression);
			return fail(parser, "a ) is missing");
		}
		return expression;
	}
	if (!take_word(parser, word))
		return fail(parser, "a field is missing");
	expression = comparison(parser, find_field(parser, word));
	if (expression || parser->failed)
		return expression;
	expression = node(parser, CONTAINS, NULL, NULL);
	if (expression && !(expression->text = strdup(word))) {
		csv_expression_free(expression);
		return fail(parser, "no memory");
	}
	return expression;
}

static struct csv_expression *parse_not(struct parser *parser)
{
	struct csv_expression *expression;

	if (++parser->nesting > NESTING_MAX)
		return fail(parser, "too many levels");
	if (take_keyword(parser, "not")) {
		expression = parse_not(parser);
		expression = expression ? node(parser, NOT, expression, NULL) : NULL;
	} else {
		expression = primary(parser);
	}
	parser->nesting--;
	return expression;
}

static struct csv_expression *chain(struct parser *parser, enum kind kind, const char *word,
                                    struct csv_expression *(*part)(struct parser *))
{
	struct csv_expression *left = part(parser);

	while (left && take_keyword(parser, word)) {
		struct csv_expression *right = part(parser);

		if (!right) {
			csv_expression_free(left);
			return NULL;
		}
		left = node(parser, kind, left, right);
	}
	return left;
}

static struct csv_expression *parse_and(struct parser *parser)
{
	return chain(parser, AND, "and", parse_not);
}

static struct csv_expression *parse_or(struct parser *parser)
{
	return chain(parser, OR, "or", parse_and);
}

struct csv_expression *csv_expression_new(const char *text, const struct csv_field *fields,
                                          struct cs_diag *diag)
{
	struct parser parser = {.at = text, .fields = fields, .diag = diag};
	struct csv_expression *expression = parse_or(&parser);

	skip_blanks(&parser);
	if (expression && *parser.at) {
		csv_expression_free(expression);
		fail(&parser, "'and' or 'or' is missing");
		expression = NULL;
	}
	/* cppcheck-suppress returnDanglingLifetime ; nodes keep FIELDS, nothing of the parser */
	return expression;
}

int csv_expression_replace(struct csv_expression **expression, char *shown, size_t bytes,
                           const char *text, const struct csv_field *fields, struct cs_diag *diag)
{
	struct csv_expression *next = NULL;

	if (text[strspn(text, " \t")]) {
		next = csv_expression_new(text, fields, diag);
		if (!next)
			return -EINVAL;
	}
	csv_expression_free(*expression);
	*expression = next;
	snprintf(shown, bytes, "%s", next ? text : "");
	return 0;
}

/* ---- what holds ---- */

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
	bool (*test)(const void *, const char *) = expression->kind == LIKE ? matches : equals;
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
	case LESS:
		return value < expression->number;
	case GREATER:
		return value > expression->number;
	case AT_MOST:
		return value <= expression->number;
	case AT_LEAST:
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
	case AND:
		return csv_expression_holds(expression->left, subject) &&
		       csv_expression_holds(expression->right, subject);
	case OR:
		return csv_expression_holds(expression->left, subject) ||
		       csv_expression_holds(expression->right, subject);
	case NOT:
		return !csv_expression_holds(expression->left, subject);
	case CONTAINS:
		return any_text_contains(expression, subject);
	case LIKE:
		return text_holds(expression, subject);
	default:
		break;
	}
	if (expression->fields[expression->field].kind == CSV_FIELD_TEXT)
		return text_holds(expression, subject);
	return compares(expression, subject->number(subject->row, expression->field));
}
