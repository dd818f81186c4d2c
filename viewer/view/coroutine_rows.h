/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of the coroutines view, as a list or as the tree of who spawned whom: cells, sorting,
 * what the filter asks. What is shown of a coroutine is decided here.
 */
#ifndef CSV_VIEW_COROUTINE_ROWS_H
#define CSV_VIEW_COROUTINE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/coroutine.h"
#include "view/scene.h"
#include "widget/expression.h"
#include "widget/grid.h"

#define CSV_FOLDED_MAX 256u

struct csv_coroutine_row {
	uint32_t id; /* slot */
	uint16_t depth;
	bool children; /* it has some */
	bool folded;
};

/* What the search has found out of stacks. */
struct csv_coroutine_search {
	char needle[128];
	uint8_t *known; /* by node: 0 not asked, 1 no, 2 yes */
	size_t known_count;
};

struct csv_coroutine_rows {
	const struct csv_scene *scene;
	struct csv_coroutine_row *rows;
	uint32_t count, room;
	struct csv_expression *filter;   /* NULL: everything */
	uint64_t folded[CSV_FOLDED_MAX]; /* identities of folded branches */
	uint32_t folded_count;
	struct csv_coroutine_search *search; /* the view's */
};

extern const struct csv_column csv_coroutine_columns[];
extern const struct csv_field csv_coroutine_fields[];

/* All living coroutines of SCENE. TREE: by spawn, children below their parent. 0, -ENOMEM, or
 * what a rest at PACE (NULL: none) gave: there are no rows then. */
int csv_coroutine_rows_fill(struct csv_coroutine_rows *rows, const struct csv_scene *scene,
                            bool tree, const struct cs_pace *pace);
void csv_coroutine_rows_release(struct csv_coroutine_rows *rows);

/* What is folded in one is folded in another. */
void csv_coroutine_fold_as(struct csv_coroutine_rows *rows, const struct csv_coroutine_rows *other);

/* How a grid sees them. ROWS must outlive it. */
struct csv_rows csv_coroutine_rows_grid(const struct csv_coroutine_rows *rows, bool tree);

const struct cs_coroutine *csv_coroutine_of(const struct csv_coroutine_rows *rows, uint32_t row);

/* Whether FILTER lets COROUTINE pass. */
bool csv_coroutine_passes(const struct csv_scene *scene, struct csv_expression *filter,
                          const struct cs_coroutine *coroutine);

/* Names of stacks may have changed. */
void csv_coroutine_search_forget(struct csv_coroutine_search *search);

/* Folds or unfolds the branch of a row; rows are filled anew after it. */
void csv_coroutine_fold(struct csv_coroutine_rows *rows, uint32_t row);

#endif
