/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A grid: rows under column heads, sorted, filtered, searched, with one row selected. It keeps
 * what belongs to the person (sorting, selection, place); the rows belong to the view, which
 * answers for them through csv_rows, by number, and may replace them all between two pictures.
 * A row is recognised by its identity.
 */
#ifndef CSV_WIDGET_GRID_H
#define CSV_WIDGET_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pace.h"
#include "canvas/canvas.h"
#include "widget/action.h"
#include "widget/sort.h"

struct csv_column {
	const char *title; /* NULL ends a list */
	int width;         /* columns of the screen */
	bool right;        /* numbers */
	bool grows;        /* takes what is left; one column at most, the last */
	int spare;         /* left out on screens narrower than this */
};

struct csv_rows {
	const void *context;
	uint32_t count;
	bool ordered; /* a tree: their order is part of what they say, they are not sorted */
	uint64_t (*identity)(const void *context, uint32_t row); /* unique */
	uint64_t (*sort_key)(const void *context, uint32_t row, int column);
	/* What stands in a cell, and its role. */
	enum csv_role (*cell)(const void *context, uint32_t row, int column, char *text,
	                      size_t bytes);
	bool (*passes)(const void *context, uint32_t row); /* NULL: all do */
	bool (*matches)(const void *context, uint32_t row, const char *needle);
};

struct csv_grid {
	const struct csv_column *columns;
	int sort_column;
	bool ascending;
	bool follow; /* the selection stays on its row, not on its place */
	uint32_t top, selected, page;
	uint64_t selected_identity;
	bool has_selection;
	struct csv_order order; /* of the rows that pass; settled where it was looked at */
	uint32_t count;         /* of them */
	char needle[128];       /* search; "" none */
};

void csv_grid_init(struct csv_grid *grid, const struct csv_column *columns, int sort_column);
void csv_grid_release(struct csv_grid *grid);

/* Rows or filter have changed, or sorting: orders them anew. 0 or -ENOMEM (shows nothing). */
int csv_grid_update(struct csv_grid *grid, const struct csv_rows *rows);

/*
 * The same in two steps, of ROWS that GRID is to show later. The first one changes nothing in it
 * and rests at PACE; ORDER then holds as long as neither rows, filter nor sorting changes. 0,
 * -ENOMEM, or what a rest gave. The second one takes ORDER, and leaves there what was shown.
 */
int csv_grid_prepare(const struct csv_grid *grid, const struct csv_rows *rows,
                     struct csv_order *order, const struct cs_pace *pace);
void csv_grid_take(struct csv_grid *grid, const struct csv_rows *rows, struct csv_order *order);

void csv_grid_draw(struct csv_grid *grid, const struct csv_rows *rows, struct csv_canvas *canvas,
                   struct csv_area area);

/* The number of the selected row; false: there are no rows. */
bool csv_grid_row(const struct csv_grid *grid, uint32_t *row);
/* The same at a place of the order: the COUNTth row from above. */
uint32_t csv_grid_row_at(struct csv_grid *grid, uint32_t place);

/* Moves the selection by ROWS, or to the first or last row. */
void csv_grid_move(struct csv_grid *grid, const struct csv_rows *rows, int64_t by);
void csv_grid_select(struct csv_grid *grid, const struct csv_rows *rows, uint32_t place);

/* Moving, sorting, following. WIDTH: of the area. */
enum csv_effect csv_grid_action(struct csv_grid *grid, const struct csv_rows *rows,
                                enum csv_action action, int width);

/* A place of the screen within the area that was drawn last: a head sorts, a row is selected. */
bool csv_grid_click(struct csv_grid *grid, const struct csv_rows *rows, struct csv_area area, int x,
                    int y);

/*
 * NEEDLE is what is searched from now on: selects its next (+1) or last (-1) match; FROM_HERE:
 * this row counts too. False: there is none.
 */
bool csv_grid_search(struct csv_grid *grid, const struct csv_rows *rows, const char *needle,
                     int direction, bool from_here);

#endif
