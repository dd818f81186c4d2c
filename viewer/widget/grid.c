/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: order[0..count) are the rows that pass, as they are sorted; top and selected are
 * places in it (0 when it is empty).
 */
#include "widget/grid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GAP 1

void csv_grid_init(struct csv_grid *grid, const struct csv_column *columns, int sort_column)
{
	memset(grid, 0, sizeof(*grid));
	grid->columns = columns;
	grid->sort_column = sort_column;
	grid->page = 1;
}

void csv_grid_release(struct csv_grid *grid)
{
	free(grid->order);
	free(grid->spare);
	grid->order = grid->spare = NULL;
	grid->count = grid->room = 0;
}

/* ---- order ---- */

static int make_room(struct csv_grid *grid, uint32_t count)
{
	struct csv_sort_row *order, *spare;

	if (count <= grid->room)
		return 0;
	count += count / 4;
	order = realloc(grid->order, count * sizeof(*order));
	if (order)
		grid->order = order;
	spare = realloc(grid->spare, count * sizeof(*spare));
	if (spare)
		grid->spare = spare;
	if (!order || !spare)
		return -ENOMEM;
	grid->room = count;
	return 0;
}

static void keep_in_sight(struct csv_grid *grid)
{
	if (grid->selected < grid->top)
		grid->top = grid->selected;
	if (grid->selected >= grid->top + grid->page)
		grid->top = grid->selected - grid->page + 1;
	if (grid->top + grid->page > grid->count)
		grid->top = grid->count > grid->page ? grid->count - grid->page : 0;
}

/* The selection stays on its row when it is followed; else on its place. */
static void find_selection(struct csv_grid *grid, const struct csv_rows *rows)
{
	if (grid->follow && grid->has_selection) {
		for (uint32_t i = 0; i < grid->count; i++) {
			if (rows->identity(rows->context, grid->order[i].row) ==
			    grid->selected_identity) {
				uint32_t offset = grid->selected - grid->top;

				grid->selected = i;
				grid->top = i > offset ? i - offset : 0;
				break;
			}
		}
	}
	csv_grid_select(grid, rows, grid->selected);
}

int csv_grid_update(struct csv_grid *grid, const struct csv_rows *rows)
{
	grid->count = 0;
	if (make_room(grid, rows->count))
		return -ENOMEM;
	for (uint32_t row = 0; row < rows->count; row++) {
		struct csv_sort_row *entry = &grid->order[grid->count];

		if (rows->passes && !rows->passes(rows->context, row))
			continue;
		entry->row = row;
		entry->key = 0;
		if (!rows->ordered) {
			entry->key = rows->sort_key(rows->context, row, grid->sort_column);
			if (!grid->ascending)
				entry->key = ~entry->key;
		}
		grid->count++;
	}
	if (!rows->ordered)
		csv_sort(grid->order, grid->spare, grid->count);
	find_selection(grid, rows);
	return 0;
}

bool csv_grid_row(const struct csv_grid *grid, uint32_t *row)
{
	if (!grid->count)
		return false;
	*row = grid->order[grid->selected].row;
	return true;
}

void csv_grid_select(struct csv_grid *grid, const struct csv_rows *rows, uint32_t place)
{
	if (!grid->count) {
		grid->selected = grid->top = 0;
		return;
	}
	grid->selected = place < grid->count ? place : grid->count - 1;
	grid->selected_identity = rows->identity(rows->context, grid->order[grid->selected].row);
	grid->has_selection = true;
	keep_in_sight(grid);
}

void csv_grid_move(struct csv_grid *grid, const struct csv_rows *rows, int64_t by)
{
	int64_t place = (int64_t)grid->selected + by;

	csv_grid_select(grid, rows,
	                place < 0            ? 0
	                : place > UINT32_MAX ? UINT32_MAX
	                                     : (uint32_t)place);
}

/* ---- columns ---- */

static bool is_shown(const struct csv_column *column, int width)
{
	return column->spare <= width;
}

/* Places of the shown columns in WIDTH; of those left out, width 0. */
static int lay_out(const struct csv_column *columns, int width, int *starts, int *widths, int most)
{
	int x = 0, i;

	for (i = 0; i < most && columns[i].title; i++) {
		starts[i] = x;
		widths[i] = 0;
		if (!is_shown(&columns[i], width) || x >= width)
			continue;
		widths[i] = columns[i].grows ? width - x : columns[i].width;
		if (x + widths[i] > width)
			widths[i] = width - x;
		x += widths[i] + GAP;
	}
	return i;
}

#define COLUMNS_MAX 24

static void draw_heads(const struct csv_grid *grid, const struct csv_rows *rows,
                       struct csv_canvas *canvas, struct csv_area area, const int *starts,
                       const int *widths, int count)
{
	csv_fill(canvas, (struct csv_area){area.x, area.y, area.width, 1}, ' ', CSV_ROLE_HEADER);
	for (int i = 0; i < count; i++) {
		bool sorted = !rows->ordered && i == grid->sort_column;
		enum csv_role role = sorted ? CSV_ROLE_SORTED : CSV_ROLE_HEADER;
		char title[64];
		char arrow[2] = "";

		if (!widths[i])
			continue;
		csv_fill(canvas, (struct csv_area){area.x + starts[i], area.y, widths[i], 1}, ' ',
		         role);
		if (sorted)
			arrow[0] = grid->ascending ? '^' : 'v';
		size_t length = strlen(grid->columns[i].title);

		if (length > sizeof(title) - 2)
			length = sizeof(title) - 2;
		memcpy(title, grid->columns[i].title, length);
		memcpy(title + length, arrow, strlen(arrow) + 1);
		if (grid->columns[i].right)
			csv_put_right(canvas, area.x + starts[i], area.y, widths[i], role, title);
		else
			csv_put(canvas, area.x + starts[i], area.y, widths[i], role, title);
	}
}

static void draw_row(const struct csv_grid *grid, const struct csv_rows *rows,
                     struct csv_canvas *canvas, struct csv_area area, uint32_t place, int y,
                     const int *starts, const int *widths, int count)
{
	uint32_t row = grid->order[place].row;
	bool found = grid->needle[0] && rows->matches &&
	             rows->matches(rows->context, row, grid->needle);

	for (int i = 0; i < count; i++) {
		char text[512] = "";
		enum csv_role role;

		if (!widths[i])
			continue;
		role = rows->cell(rows->context, row, i, text, sizeof(text));
		if (grid->columns[i].right)
			csv_put_right(canvas, area.x + starts[i], y, widths[i], role, text);
		else
			csv_put(canvas, area.x + starts[i], y, widths[i], role, text);
	}
	if (place == grid->selected)
		csv_paint(canvas, (struct csv_area){area.x, y, area.width, 1}, CSV_ROLE_SELECTED);
	else if (found)
		csv_paint(canvas, (struct csv_area){area.x, y, area.width, 1}, CSV_ROLE_MATCH);
}

void csv_grid_draw(struct csv_grid *grid, const struct csv_rows *rows, struct csv_canvas *canvas,
                   struct csv_area area)
{
	int starts[COLUMNS_MAX], widths[COLUMNS_MAX];
	int count = lay_out(grid->columns, area.width, starts, widths, COLUMNS_MAX);

	grid->page = area.height > 1 ? (uint32_t)area.height - 1 : 1;
	keep_in_sight(grid);
	draw_heads(grid, rows, canvas, area, starts, widths, count);
	for (uint32_t i = 0; i < grid->page && grid->top + i < grid->count; i++)
		draw_row(grid, rows, canvas, area, grid->top + i, area.y + 1 + (int)i, starts,
		         widths, count);
}

void csv_grid_sort_by(struct csv_grid *grid, int by, int width)
{
	int count = 0, column = grid->sort_column;

	while (grid->columns[count].title)
		count++;
	for (int tries = 0; tries < count; tries++) {
		column = (column + by + count) % count;
		if (is_shown(&grid->columns[column], width))
			break;
	}
	grid->sort_column = column;
	grid->ascending = !grid->columns[column].right;
}

/* The other way round, without sorting anew. */
static void reverse(struct csv_grid *grid, const struct csv_rows *rows)
{
	if (rows->ordered)
		return;
	grid->ascending = !grid->ascending;
	for (uint32_t i = 0, j = grid->count; i + 1 < j; i++) {
		struct csv_sort_row row = grid->order[i];

		grid->order[i] = grid->order[--j];
		grid->order[j] = row;
	}
	find_selection(grid, rows);
}

enum csv_effect csv_grid_action(struct csv_grid *grid, const struct csv_rows *rows,
                                enum csv_action action, int width)
{
	switch (action) {
	case CSV_ACTION_UP:
	case CSV_ACTION_DOWN:
		csv_grid_move(grid, rows, action == CSV_ACTION_UP ? -1 : 1);
		return CSV_MOVED;
	case CSV_ACTION_PAGE_UP:
	case CSV_ACTION_PAGE_DOWN:
		csv_grid_move(grid, rows,
		              action == CSV_ACTION_PAGE_UP ? -(int64_t)grid->page : grid->page);
		return CSV_MOVED;
	case CSV_ACTION_FIRST:
		csv_grid_select(grid, rows, 0);
		return CSV_MOVED;
	case CSV_ACTION_LAST:
		csv_grid_select(grid, rows, UINT32_MAX);
		return CSV_MOVED;
	case CSV_ACTION_SORT_NEXT:
	case CSV_ACTION_SORT_PREVIOUS:
		csv_grid_sort_by(grid, action == CSV_ACTION_SORT_NEXT ? 1 : -1, width);
		return CSV_CHANGED;
	case CSV_ACTION_REVERSE:
		reverse(grid, rows);
		return CSV_MOVED;
	case CSV_ACTION_FOLLOW:
		grid->follow = !grid->follow;
		return CSV_MOVED;
	default:
		return CSV_NOT_MINE;
	}
}

bool csv_grid_click(struct csv_grid *grid, const struct csv_rows *rows, struct csv_area area, int x,
                    int y)
{
	int starts[COLUMNS_MAX], widths[COLUMNS_MAX];
	int count = lay_out(grid->columns, area.width, starts, widths, COLUMNS_MAX);

	if (x < area.x || x >= area.x + area.width || y < area.y || y >= area.y + area.height)
		return false;
	if (y > area.y) {
		uint32_t place = grid->top + (uint32_t)(y - area.y - 1);

		if (place < grid->count)
			csv_grid_select(grid, rows, place);
		return true;
	}
	for (int i = 0; i < count; i++) {
		if (x - area.x < starts[i] || x - area.x >= starts[i] + widths[i])
			continue;
		if (grid->sort_column == i)
			grid->ascending = !grid->ascending;
		else
			grid->ascending = !grid->columns[i].right;
		grid->sort_column = i;
	}
	return true;
}

bool csv_grid_search(struct csv_grid *grid, const struct csv_rows *rows, int direction,
                     bool from_here)
{
	uint32_t place = grid->selected;

	if (!grid->count || !grid->needle[0] || !rows->matches)
		return false;
	for (uint32_t tries = 0; tries < grid->count; tries++) {
		if (tries || !from_here)
			place = direction > 0 ? (place + 1) % grid->count
			                      : (place + grid->count - 1) % grid->count;
		if (rows->matches(rows->context, grid->order[place].row, grid->needle)) {
			csv_grid_select(grid, rows, place);
			return true;
		}
	}
	return false;
}
