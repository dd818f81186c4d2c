/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filter expressions, as a person types them:
 *
 *     state = waiting and (age > 10s or heap > 1M) and not function ~ "^net\."
 *
 * Fields come from a table of the caller. What is unknown of a row makes every comparison with
 * it false. A word that stands alone matches rows in which some text contains it.
 */
#ifndef CSV_WIDGET_EXPRESSION_H
#define CSV_WIDGET_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

enum csv_field_kind {
	CSV_FIELD_TEXT,
	CSV_FIELD_COUNT,    /* 1000, 10k */
	CSV_FIELD_BYTES,    /* 64k, 1M, 2GiB */
	CSV_FIELD_DURATION, /* in ns: 250ms, 10s, 5m, 2h */
};

struct csv_field {
	const char *name; /* NULL ends a table */
	enum csv_field_kind kind;
	const char *const *values; /* of a text that can be nothing else; NULL */
	unsigned value_count;
};

/* What a row says of a field, by its place in the table. */
struct csv_subject {
	const void *row;
	/* NAN: unknown. */
	double (*number)(const void *row, int field);
	/* Whether TEST holds for any of the field's texts (a stack has many functions). */
	bool (*any)(const void *row, int field, bool (*test)(const void *context, const char *text),
	            const void *context);
	/* Rows with the same number (not 0, small) have the same texts: one of them is asked, until
	 * csv_expression_forget(). NULL: no two rows are known to be the same. */
	uint32_t (*same)(const void *row, int field);
};

struct csv_expression;

/* NULL with DIAG set: what is wrong, where, and what there is. FIELDS must outlive it. */
struct csv_expression *csv_expression_new(const char *text, const struct csv_field *fields,
                                          struct cs_diag *diag);
void csv_expression_free(struct csv_expression *expression);

/*
 * What a person's new filter does: "" takes *EXPRESSION away, a right one replaces it and its
 * text, a wrong one leaves both. 0, or -EINVAL with DIAG set.
 */
int csv_expression_replace(struct csv_expression **expression, char *shown, size_t bytes,
                           const char *text, const struct csv_field *fields, struct cs_diag *diag);

/* What csv_subject.same() numbers means something else now. NULL is fine. */
void csv_expression_forget(struct csv_expression *expression);

/* EXPRESSION NULL: everything passes. */
bool csv_expression_holds(struct csv_expression *expression, const struct csv_subject *subject);

#endif
