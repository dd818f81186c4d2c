/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quicksort that stops where nobody looks. A pivot is chosen by a sample, and not in the middle
 * but just beside the places that are wanted: one pass over all rows then cuts off most of them.
 */
#include "widget/sort.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

#define SAMPLE 127u
#define SLACK 4u /* of a sample: how far from the wanted place a pivot is taken */
#define FEW 32u  /* rows that are sorted at once */

/* Pieces are only for speed: where there is no memory for more, a whole piece is sorted. */
#define PIECES_MIN 64u

bool csv_sort_before(const struct csv_sort_row *a, const struct csv_sort_row *b)
{
	return a->key != b->key ? a->key < b->key : a->row < b->row;
}

int csv_order_reserve(struct csv_order *order, uint32_t count)
{
	void *pieces = order->pieces;
	struct csv_sort_row *rows;

	order->count = order->piece_count = 0;
	if (cs_array_reserve(&pieces, &order->piece_room, sizeof(*order->pieces), PIECES_MIN))
		return -ENOMEM;
	order->pieces = pieces;
	if (count <= order->room)
		return 0;
	count += count / 8;
	rows = malloc(count * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	free(order->rows);
	order->rows = rows;
	order->room = count;
	return 0;
}

void csv_order_release(struct csv_order *order)
{
	free(order->rows);
	free(order->pieces);
	memset(order, 0, sizeof(*order));
}

void csv_order_restart(struct csv_order *order, bool settled)
{
	order->piece_count = order->count ? 1 : 0;
	if (order->count)
		order->pieces[0] = (struct csv_sort_piece){0, settled};
}

/* ---- rows ---- */

static void sort_few(struct csv_sort_row *rows, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		struct csv_sort_row row = rows[i];
		uint32_t at = i;

		for (; at && csv_sort_before(&row, &rows[at - 1]); at--)
			rows[at] = rows[at - 1];
		rows[at] = row;
	}
}

/* Those before PIVOT, which is one of them, come first; returns its place. */
static uint32_t part(struct csv_sort_row *rows, uint32_t count, uint32_t pivot)
{
	struct csv_sort_row by = rows[pivot];
	uint32_t low = 0, high = count - 1;

	rows[pivot] = rows[high];
	while (low < high) {
		while (low < high && csv_sort_before(&rows[low], &by))
			low++;
		rows[high] = rows[low];
		while (low < high && csv_sort_before(&by, &rows[high]))
			high--;
		rows[low] = rows[high];
	}
	rows[low] = by;
	return low;
}

/* A row near the places FROM to TO - 1 that are wanted of COUNT, on the side that has more. */
static uint32_t choose(const struct csv_sort_row *rows, uint32_t count, uint32_t from, uint32_t to)
{
	struct csv_sort_row sample[SAMPLE];
	uint32_t each = count / SAMPLE, above = count - to, rank = SAMPLE / 2;

	if (each == 0)
		return count / 2;
	for (uint32_t i = 0; i < SAMPLE; i++)
		sample[i] = (struct csv_sort_row){rows[i * each].key, i * each};
	sort_few(sample, SAMPLE);
	if (above >= from && above > count / 4)
		rank = (uint32_t)((uint64_t)to * SAMPLE / count) + SLACK;
	else if (from > count / 4)
		rank = (uint32_t)((uint64_t)from * SAMPLE / count) - SLACK;
	return sample[rank < SAMPLE ? rank : SAMPLE - 1].row;
}

/* ---- pieces ---- */

static uint32_t end_of(const struct csv_order *order, uint32_t piece)
{
	return piece + 1 < order->piece_count ? order->pieces[piece + 1].start : order->count;
}

/* The piece that PLACE is in. */
static uint32_t find(const struct csv_order *order, uint32_t place)
{
	uint32_t low = 0, high = order->piece_count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (order->pieces[middle].start <= place)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void remove_piece(struct csv_order *order, uint32_t piece)
{
	order->piece_count--;
	memmove(&order->pieces[piece], &order->pieces[piece + 1],
	        (order->piece_count - piece) * sizeof(*order->pieces));
}

/* A new piece from START on, behind PIECE. */
static void cut(struct csv_order *order, uint32_t piece, uint32_t start, bool settled)
{
	memmove(&order->pieces[piece + 2], &order->pieces[piece + 1],
	        (order->piece_count - piece - 1) * sizeof(*order->pieces));
	order->pieces[piece + 1] = (struct csv_sort_piece){start, settled};
	order->piece_count++;
}

/* Settled neighbours become one; returns where PIECE is then. */
static uint32_t join(struct csv_order *order, uint32_t piece)
{
	if (piece + 1 < order->piece_count && order->pieces[piece + 1].settled)
		remove_piece(order, piece + 1);
	if (piece && order->pieces[piece - 1].settled)
		remove_piece(order, piece--);
	return piece;
}

/* Cuts an unsettled piece in two, with the row between them at its place. */
static void divide(struct csv_order *order, uint32_t piece, uint32_t from, uint32_t to)
{
	uint32_t start = order->pieces[piece].start, end = end_of(order, piece);
	struct csv_sort_row *rows = order->rows + start;
	uint32_t wanted_from = from > start ? from - start : 0;
	uint32_t wanted_to = to < end ? to - start : end - start;
	uint32_t middle =
		start + part(rows, end - start, choose(rows, end - start, wanted_from, wanted_to));

	if (middle + 1 < end)
		cut(order, piece, middle + 1, false);
	if (middle > start)
		cut(order, piece, middle, true);
	else
		order->pieces[piece].settled = true;
}

static int compare(const void *a, const void *b)
{
	return csv_sort_before(a, b) ? -1 : csv_sort_before(b, a);
}

static bool has_room(struct csv_order *order)
{
	void *pieces = order->pieces;
	int error = cs_array_reserve(&pieces, &order->piece_room, sizeof(*order->pieces),
	                             order->piece_count + 2);

	order->pieces = pieces;
	return !error;
}

void csv_order_settle(struct csv_order *order, uint32_t from, uint32_t to)
{
	uint32_t piece;

	if (to > order->count)
		to = order->count;
	if (from >= to)
		return;
	piece = find(order, from);
	while (piece < order->piece_count && order->pieces[piece].start < to) {
		uint32_t start = order->pieces[piece].start;
		uint32_t count = end_of(order, piece) - start;

		if (order->pieces[piece].settled) {
			piece = join(order, piece) + 1;
		} else if (start + count <= from) {
			piece++;
		} else if (count <= FEW || !has_room(order)) {
			if (count <= FEW)
				sort_few(order->rows + start, count);
			else
				qsort(order->rows + start, count, sizeof(*order->rows), compare);
			order->pieces[piece].settled = true;
			piece = join(order, piece) + 1;
		} else {
			divide(order, piece, from, to);
		}
	}
}

uint32_t csv_order_place(struct csv_order *order, struct csv_sort_row row)
{
	uint32_t place = 0;

	for (uint32_t i = 0; i < order->count; i++)
		place += csv_sort_before(&order->rows[i], &row);
	csv_order_settle(order, place, place + 1);
	return place;
}

/* ---- keys ---- */

uint64_t csv_sort_number(double number)
{
	uint64_t bits;

	if (isnan(number))
		return 0;
	memcpy(&bits, &number, sizeof(bits));
	return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

uint64_t csv_sort_text(const char *text)
{
	uint64_t key = 0;

	for (int i = 0; i < 8; i++) {
		key = key << 8 | (unsigned char)*text;
		if (*text)
			text++;
	}
	return key;
}
