/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A million rows in order while a person waits: a screen shows fifty of them, so only where
 * somebody looks are they put in order. The rows are cut into pieces: each stands wholly before
 * the next, and within a settled one every row is at its place. Looking elsewhere cuts finer.
 *
 * The order is by key, then by row: no two are equal, so places do not depend on who looked.
 */
#ifndef CSV_WIDGET_SORT_H
#define CSV_WIDGET_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csv_sort_row {
	uint64_t key;
	uint32_t row; /* different in each */
};

struct csv_sort_piece {
	uint32_t start; /* ends where the next one starts */
	bool settled;
};

/* All zero is an empty one. Who fills it writes rows[0..count) and restarts it. */
struct csv_order {
	struct csv_sort_row *rows;
	uint32_t count, room;
	struct csv_sort_piece *pieces;
	uint32_t piece_count;
	size_t piece_room;
};

/* Room for COUNT rows; what was in it is lost. 0 or -ENOMEM. */
int csv_order_reserve(struct csv_order *order, uint32_t count);
void csv_order_release(struct csv_order *order);

/* The rows are others. SETTLED: they stand in order already. */
void csv_order_restart(struct csv_order *order, bool settled);
/* The places FROM to TO - 1 (as far as there are) hold what belongs there. */
void csv_order_settle(struct csv_order *order, uint32_t from, uint32_t to);
/* Whether A stands before B. */
bool csv_sort_before(const struct csv_sort_row *a, const struct csv_sort_row *b);
/* The place of one of its rows; it is settled after it. */
uint32_t csv_order_place(struct csv_order *order, struct csv_sort_row row);

/* Keys that sort as what they stand for. NAN (unknown) comes before everything. */
uint64_t csv_sort_number(double number);
/* By the first 8 bytes. */
uint64_t csv_sort_text(const char *text);

#endif
