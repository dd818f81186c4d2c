/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: order holds the rows that pass; top and selected are places in it (0 when it is
 * empty).
 */
#include "widget/grid.h"

#include <stdio.h>
#include <string.h>

#define GAP 1
#define NEAR 200u /* rows around the selection that are searched in order */

void csv_grid_init(struct csv_grid *grid, const struct csv_column *columns, int sort_column)
{
	memset(grid, 0, sizeof(*grid));
	grid->columns = columns;
	grid->sort_column = sort_column;
	grid->page = 1;
}

void csv_grid_release(struct csv_grid *grid)
{
	csv_order_release(&grid->order);
	grid->count = 0;
}

/* ---- order ---- */

uint32_t csv_grid_row_at(struct csv_grid *grid, uint32_t place)
{
	csv_order_settle(&grid->order, place, place + 1);
	return grid->order.rows[place].row;
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
	const struct csv_order *order = &grid->order;

	for (uint32_t i = 0; grid->follow && grid->has_selection && i < grid->count; i++) {
		if (rows->identity(rows->context, order->rows[i].row) == grid->selected_identity) {
			uint32_t offset = grid->selected - grid->top;

			grid->selected = csv_order_place(&grid->order, order->rows[i]);
			grid->top = grid->selected > offset ? grid->selected - offset : 0;
			break;
		}
	}
	csv_grid_select(grid, rows, grid->selected);
}

int csv_grid_prepare(const struct csv_grid *grid, const struct csv_rows *rows,
                     struct csv_order *order, const struct cs_pace *pace)
{
	uint64_t turned = grid->ascending ? 0 : UINT64_MAX;
	int error = csv_order_reserve(order, rows->count);

	for (uint32_t row = 0; !error && row < rows->count; row++) {
		struct csv_sort_row *entry = &order->rows[order->count];

		error = cs_pace_step(pace, row);
		if (error || (rows->passes && !rows->passes(rows->context, row)))
			continue;
		entry->row = row;
		entry->key = 0;
		if (!rows->ordered)
			entry->key = turned ^ rows->sort_key(rows->context, row, grid->sort_column);
		order->count++;
	}
	if (error)
		return error;
	csv_order_restart(order, rows->ordered);
	/* Where somebody looks most probably. */
	csv_order_settle(order, grid->top, grid->top + grid->page);
	return cs_pace_rest(pace);
}

void csv_grid_take(struct csv_grid *grid, const struct csv_rows *rows, struct csv_order *order)
{
	struct csv_order shown = grid->order;

	grid->order = *order;
	grid->count = order->count;
	*order = shown;
	find_selection(grid, rows);
}

int csv_grid_update(struct csv_grid *grid, const struct csv_rows *rows)
{
	int error = csv_grid_prepare(grid, rows, &grid->order, NULL);

	grid->count = error ? 0 : grid->order.count;
	if (!error)
		find_selection(grid, rows);
	return error;
}

bool csv_grid_row(const struct csv_grid *grid, uint32_t *row)
{
	if (!grid->count)
		return false;
	*row = grid->order.rows[grid->selected].row;
	return true;
}

/* Invariant: the place that is selected is settled. */
void csv_grid_select(struct csv_grid *grid, const struct csv_rows *rows, uint32_t place)
{
	if (!grid->count) {
		grid->selected = grid->top = 0;
		return;
	}
	grid->selected = place < grid->count ? place : grid->count - 1;
	grid->selected_identity =
		rows->identity(rows->context, csv_grid_row_at(grid, grid->selected));
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
#define COLUMNS_MAX 24

/* Where the columns lie in the row at x, y of `width` cells; one that is not shown has no width. */
struct layout {
	int x, y, width;
	int starts[COLUMNS_MAX];
	int widths[COLUMNS_MAX];
	int count;
};

static void lay_out(const struct csv_column *columns, struct csv_area area, struct layout *layout)
{
	int x = 0, i;

	layout->x = area.x;
	layout->y = area.y;
	layout->width = area.width;
	for (i = 0; i < COLUMNS_MAX && columns[i].title; i++) {
		int *width = &layout->widths[i];

		layout->starts[i] = area.x + x;
		*width = 0;
		if (!is_shown(&columns[i], area.width) || x >= area.width)
			continue;
		*width = columns[i].grows ? area.width - x : columns[i].width;
		if (x + *width > area.width)
			*width = area.width - x;
		x += *width + GAP;
	}
	layout->count = i;
}

static struct csv_area whole_row(const struct layout *layout)
{
	return (struct csv_area){layout->x, layout->y, layout->width, 1};
}

static void put_cell(struct csv_canvas *canvas, const struct layout *layout, int column, bool right,
                     enum csv_role role, const char *text)
{
	int x = layout->starts[column], width = layout->widths[column];

	if (right)
		csv_put_right(canvas, x, layout->y, width, role, text);
	else
		csv_put(canvas, x, layout->y, width, role, text);
}

static void draw_heads(const struct csv_grid *grid, bool ordered, struct csv_canvas *canvas,
                       const struct layout *layout)
{
	csv_fill(canvas, whole_row(layout), ' ', CSV_ROLE_HEADER);
	for (int i = 0; i < layout->count; i++) {
		const struct csv_column *column = &grid->columns[i];
		bool sorted = !ordered && i == grid->sort_column;
		enum csv_role role = sorted ? CSV_ROLE_SORTED : CSV_ROLE_HEADER;
		uint32_t arrow = csv_glyph(canvas, grid->ascending ? CSV_GLYPH_UP : CSV_GLYPH_DOWN);
		struct csv_area area = {layout->starts[i], layout->y, layout->widths[i], 1};
		int width;

		if (!layout->widths[i])
			continue;
		csv_fill(canvas, area, ' ', role);
		width = (int)strlen(column->title);
		if (width + sorted > area.width)
			width = area.width - sorted;
		if (column->right)
			area.x += area.width - width - sorted;
		csv_put(canvas, area.x, area.y, width, role, column->title);
		if (sorted)
			csv_put_character(canvas, area.x + width, area.y, arrow, role);
	}
}

static void draw_row(const struct csv_grid *grid, const struct csv_rows *rows,
                     struct csv_canvas *canvas, const struct layout *layout, uint32_t place)
{
	uint32_t row = grid->order.rows[place].row;
	bool found = grid->needle[0] && rows->matches &&
	             rows->matches(rows->context, row, grid->needle);

	for (int i = 0; i < layout->count; i++) {
		char text[512] = "";

		if (layout->widths[i]) {
			enum csv_role role = rows->cell(rows->context, row, i, text, sizeof(text));

			put_cell(canvas, layout, i, grid->columns[i].right, role, text);
		}
	}
	if (place == grid->selected)
		csv_paint(canvas, whole_row(layout), CSV_ROLE_SELECTED);
	else if (found)
		csv_paint(canvas, whole_row(layout), CSV_ROLE_MATCH);
}

void csv_grid_draw(struct csv_grid *grid, const struct csv_rows *rows, struct csv_canvas *canvas,
                   struct csv_area area)
{
	struct layout layout;

	lay_out(grid->columns, area, &layout);
	grid->page = area.height > 1 ? (uint32_t)area.height - 1 : 1;
	keep_in_sight(grid);
	csv_order_settle(&grid->order, grid->top, grid->top + grid->page);
	draw_heads(grid, rows->ordered, canvas, &layout);
	for (uint32_t i = 0; i < grid->page && grid->top + i < grid->count; i++) {
		layout.y = area.y + 1 + (int)i;
		draw_row(grid, rows, canvas, &layout, grid->top + i);
	}
}

/* The next column to sort by, +1 or -1, among those shown at WIDTH. */
static void sort_by(struct csv_grid *grid, int by, int width)
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

/* The other way round, with the keys that are there. */
static void reverse(struct csv_grid *grid, const struct csv_rows *rows)
{
	if (rows->ordered)
		return;
	grid->ascending = !grid->ascending;
	for (uint32_t i = 0; i < grid->count; i++)
		grid->order.rows[i].key = ~grid->order.rows[i].key;
	csv_order_restart(&grid->order, false);
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
		sort_by(grid, action == CSV_ACTION_SORT_NEXT ? 1 : -1, width);
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
	struct layout layout;

	if (x < area.x || x >= area.x + area.width || y < area.y || y >= area.y + area.height)
		return false;
	if (y > area.y) {
		uint32_t place = grid->top + (uint32_t)(y - area.y - 1);

		if (place < grid->count)
			csv_grid_select(grid, rows, place);
		return true;
	}
	lay_out(grid->columns, area, &layout);
	for (int i = 0; i < layout.count; i++) {
		if (x < layout.starts[i] || x >= layout.starts[i] + layout.widths[i])
			continue;
		if (grid->sort_column == i)
			grid->ascending = !grid->ascending;
		else
			grid->ascending = !grid->columns[i].right;
		grid->sort_column = i;
	}
	return true;
}

/* ---- search ---- */

static bool is_match(const struct csv_rows *rows, const struct csv_grid *grid, uint32_t row)
{
	return rows->matches(rows->context, row, grid->needle);
}

/* Around the selection it is looked in order: most matches are near. */
static bool search_near(struct csv_grid *grid, const struct csv_rows *rows, int direction,
                        bool from_here)
{
	for (uint32_t away = from_here ? 0 : 1; away < NEAR; away++) {
		uint32_t place = grid->selected + (direction > 0 ? away : -away);

		if (place >= grid->count) /* also below 0 */
			return false;
		if (is_match(rows, grid, csv_grid_row_at(grid, place))) {
			csv_grid_select(grid, rows, place);
			return true;
		}
	}
	return false;
}

static bool is_nearer(const struct csv_sort_row *a, const struct csv_sort_row *than, int direction)
{
	return !than || (direction > 0 ? csv_sort_before(a, than) : csv_sort_before(than, a));
}

/* Farther away all are asked as they lie in memory: an order of all of them would cost more. */
static bool search_far(struct csv_grid *grid, const struct csv_rows *rows, int direction)
{
	const struct csv_sort_row here = grid->order.rows[grid->selected];
	const struct csv_sort_row *next = NULL, *first = NULL; /* behind here; of all */

	for (uint32_t i = 0; i < grid->count; i++) {
		const struct csv_sort_row *entry = &grid->order.rows[i];
		bool behind = is_nearer(&here, entry, direction);

		if ((!behind || !is_nearer(entry, next, direction)) &&
		    (next || !is_nearer(entry, first, direction)))
			continue;
		if (!is_match(rows, grid, entry->row))
			continue;
		if (is_nearer(entry, first, direction))
			first = entry;
		if (behind && is_nearer(entry, next, direction))
			next = entry;
	}
	if (!next)
		next = first;
	if (next)
		csv_grid_select(grid, rows, csv_order_place(&grid->order, *next));
	return next != NULL;
}

bool csv_grid_search(struct csv_grid *grid, const struct csv_rows *rows, const char *needle,
                     int direction, bool from_here)
{
	if (needle != grid->needle)
		snprintf(grid->needle, sizeof(grid->needle), "%s", needle);
	if (!grid->count || !grid->needle[0] || !rows->matches)
		return false;
	return search_near(grid, rows, direction, from_here) || search_far(grid, rows, direction);
}
