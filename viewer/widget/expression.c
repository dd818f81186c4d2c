/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recursive descent over the text makes a tree; every level of nesting costs a level of the
 * C stack, so nesting is bounded. Regular expressions are compiled once.
 */
#include "widget/expression_private.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NESTING_MAX 32
#define WORD_MAX 256

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

/* Whatever comes of it later, the first thing that is wrong is told. Gives NULL. */
static struct csv_expression *fail(struct parser *parser, const char *hint, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static struct csv_expression *fail(struct parser *parser, const char *hint, const char *format, ...)
{
	char why[192];
	va_list args;

	if (parser->failed)
		return NULL;
	parser->failed = true;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	cs_diag_set(parser->diag, -EINVAL, "understand the filter: %s", why);
	if (hint)
		cs_diag_hint(parser->diag, "%s", hint);
	return NULL;
}

/* WHAT is missing before what comes next. */
static struct csv_expression *missing(struct parser *parser, const char *what)
{
	static const char grammar[] = "FIELD = ~ != < > VALUE, joined by and, or, not, ( )";

	if (*parser->at)
		return fail(parser, grammar, "%s is missing before '%.40s'", what, parser->at);
	return fail(parser, grammar, "%s is missing at the end", what);
}

static struct csv_expression *no_such_field(struct parser *parser, const char *word)
{
	char known[256] = "fields: ";
	size_t used = strlen(known);

	for (const struct csv_field *field = parser->fields; field->name; field++)
		used += (size_t)snprintf(known + used,
		                         used < sizeof(known) ? sizeof(known) - used : 0, "%s%s",
		                         field == parser->fields ? "" : ", ", field->name);
	return fail(parser, known, "there is no field '%.40s'", word);
}

static struct csv_expression *node(struct parser *parser, enum csv_expression_kind kind,
                                   struct csv_expression *left, struct csv_expression *right)
{
	struct csv_expression *expression = calloc(1, sizeof(*expression));

	if (!expression) {
		csv_expression_free(left);
		csv_expression_free(right);
		return fail(parser, NULL, "no memory");
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
	enum csv_expression_kind kind;
	bool negated;
} signs[] = {
	{"!=", CSV_EQUAL, true},    {"!~", CSV_LIKE, true},    {">=", CSV_AT_LEAST, false},
	{"<=", CSV_AT_MOST, false}, {"==", CSV_EQUAL, false},  {"=", CSV_EQUAL, false},
	{"~", CSV_LIKE, false},     {">", CSV_GREATER, false}, {"<", CSV_LESS, false},
};

/* Whether a row can have WORD there. */
static bool may_be(const struct csv_field *field, const char *word)
{
	for (unsigned i = 0; i < field->value_count; i++)
		if (!strcmp(field->values[i], word))
			return true;
	return !field->value_count;
}

static void no_such_value(struct parser *parser, const struct csv_field *field, const char *word)
{
	char known[256] = "";
	size_t used = 0;

	for (unsigned i = 0; i < field->value_count; i++)
		used += (size_t)snprintf(known + used,
		                         used < sizeof(known) ? sizeof(known) - used : 0, "%s%s",
		                         i ? ", " : "it is one of ", field->values[i]);
	fail(parser, known, "no %s is called '%.40s'", field->name, word);
}

static bool compile(struct parser *parser, regex_t *pattern, const char *word)
{
	int error = regcomp(pattern, word, REG_EXTENDED | REG_NOSUB);
	char why[96];

	if (!error)
		return true;
	regerror(error, pattern, why, sizeof(why));
	fail(parser, NULL, "'%.40s' is no regular expression: %s", word, why);
	return false;
}

static struct csv_expression *with_value(struct parser *parser, struct csv_expression *expression,
                                         const char *word)
{
	static const char *const examples[] = {
		[CSV_FIELD_COUNT] = "a number: 12, 5k, 1M",
		[CSV_FIELD_BYTES] = "a size: 512, 64k, 1M",
		[CSV_FIELD_DURATION] = "a time: 250ms, 10s, 5m",
	};
	const struct csv_field *field = &parser->fields[expression->field];
	bool is_text = field->kind == CSV_FIELD_TEXT;

	if (is_text && expression->kind != CSV_LIKE && expression->kind != CSV_EQUAL)
		fail(parser, "texts are compared with = != ~ !~", "%s is no number", field->name);
	else if (!is_text && expression->kind == CSV_LIKE)
		fail(parser, "numbers are compared with = != < <= > >=", "%s is no text",
		     field->name);
	else if (!is_text && !read_number(field->kind, word, &expression->number))
		fail(parser, NULL, "%s is %s, and not '%.40s'", field->name, examples[field->kind],
		     word);
	else if (is_text && expression->kind == CSV_EQUAL && !may_be(field, word))
		no_such_value(parser, field, word);
	else if (expression->kind == CSV_LIKE)
		expression->has_pattern = compile(parser, &expression->pattern, word);
	if (!parser->failed && !(expression->text = strdup(word)))
		fail(parser, NULL, "no memory");
	if (!parser->failed)
		return expression;
	csv_expression_free(expression);
	return NULL;
}

/* NAME is read already; NULL without having failed: no comparison follows it. */
static struct csv_expression *comparison(struct parser *parser, const char *name)
{
	int field = find_field(parser, name);
	char word[WORD_MAX];

	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		struct csv_expression *expression;

		if (!take_sign(parser, signs[i].sign))
			continue;
		if (field < 0)
			return no_such_field(parser, name);
		if (!take_word(parser, word))
			return missing(parser, "a value");
		expression = node(parser, signs[i].kind, NULL, NULL);
		if (!expression)
			return NULL;
		expression->field = field;
		expression = with_value(parser, expression, word);
		if (expression && signs[i].negated)
			expression = node(parser, CSV_NOT, expression, NULL);
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
			return missing(parser, "a )");
		}
		return expression;
	}
	if (!take_word(parser, word))
		return missing(parser, "a field");
	expression = comparison(parser, word);
	if (expression || parser->failed)
		return expression;
	expression = node(parser, CSV_CONTAINS, NULL, NULL);
	if (expression && !(expression->text = strdup(word))) {
		csv_expression_free(expression);
		return fail(parser, NULL, "no memory");
	}
	return expression;
}

static struct csv_expression *parse_not(struct parser *parser)
{
	struct csv_expression *expression;

	if (++parser->nesting > NESTING_MAX)
		return fail(parser, NULL, "more than %d levels of it", NESTING_MAX);
	if (take_keyword(parser, "not")) {
		expression = parse_not(parser);
		expression = expression ? node(parser, CSV_NOT, expression, NULL) : NULL;
	} else {
		expression = primary(parser);
	}
	parser->nesting--;
	return expression;
}

static struct csv_expression *chain(struct parser *parser, enum csv_expression_kind kind,
                                    const char *word,
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
	return chain(parser, CSV_AND, "and", parse_not);
}

static struct csv_expression *parse_or(struct parser *parser)
{
	return chain(parser, CSV_OR, "or", parse_and);
}

struct csv_expression *csv_expression_new(const char *text, const struct csv_field *fields,
                                          struct cs_diag *diag)
{
	struct parser parser = {.at = text, .fields = fields, .diag = diag};
	struct csv_expression *expression = parse_or(&parser);

	skip_blanks(&parser);
	if (expression && *parser.at) {
		csv_expression_free(expression);
		missing(&parser, "'and' or 'or'");
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
