/* SPDX-License-Identifier: Apache-2.0 */
/* An expression from inside: expression.c makes it of a text, expression_holds.c asks rows. */
#ifndef CSV_WIDGET_EXPRESSION_PRIVATE_H
#define CSV_WIDGET_EXPRESSION_PRIVATE_H

#include <regex.h>
#include <stddef.h>

#include "widget/expression.h"

enum csv_expression_kind {
	CSV_AND,
	CSV_OR,
	CSV_NOT,
	CSV_LIKE,
	CSV_EQUAL,
	CSV_LESS,
	CSV_GREATER,
	CSV_AT_LEAST,
	CSV_AT_MOST,
	CSV_CONTAINS
};

struct csv_expression {
	enum csv_expression_kind kind;
	int field; /* of CSV_LIKE to CSV_AT_MOST; CSV_CONTAINS: all texts */
	double number;
	char *text;
	bool has_pattern;
	regex_t pattern;
	const struct csv_field *fields;
	uint8_t *known; /* by csv_subject.same(): 0 not asked, 1 false, 2 true */
	size_t known_count;
	struct csv_expression *left, *right;
};

#endif
