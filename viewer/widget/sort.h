/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorting a million rows while a person waits: by a key of 64 bits each, in a few passes over
 * the data. Stable, so rows with equal keys keep the order that they had.
 */
#ifndef CSV_WIDGET_SORT_H
#define CSV_WIDGET_SORT_H

#include <stdbool.h>
#include <stdint.h>

struct csv_sort_row {
	uint64_t key;
	uint32_t row;
};

/* Ascending by key. SPARE has room for COUNT rows too. */
void csv_sort(struct csv_sort_row *rows, struct csv_sort_row *spare, uint32_t count);

/* Keys that sort as what they stand for. NAN (unknown) comes before everything. */
uint64_t csv_sort_number(double number);
/* By the first 8 bytes. */
uint64_t csv_sort_text(const char *text);

#endif
