/* SPDX-License-Identifier: Apache-2.0 */
#include "widget/sort.h"

#include <math.h>
#include <string.h>

#define BITS 11
#define BUCKETS (1u << BITS)
#define PASSES 6

/* One pass over BITS bits; false: all rows are in one bucket, nothing was moved. */
static bool pass(const struct csv_sort_row *from, struct csv_sort_row *to, uint32_t count,
                 unsigned shift)
{
	uint32_t starts[BUCKETS] = {0};
	uint32_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		starts[from[i].key >> shift & (BUCKETS - 1)]++;
	if (starts[from[0].key >> shift & (BUCKETS - 1)] == count)
		return false;
	for (uint32_t i = 0; i < BUCKETS; i++) {
		uint32_t size = starts[i];

		starts[i] = sum;
		sum += size;
	}
	for (uint32_t i = 0; i < count; i++)
		to[starts[from[i].key >> shift & (BUCKETS - 1)]++] = from[i];
	return true;
}

void csv_sort(struct csv_sort_row *rows, struct csv_sort_row *spare, uint32_t count)
{
	struct csv_sort_row *from = rows, *to = spare;

	if (count < 2)
		return;
	for (unsigned i = 0; i < PASSES; i++) {
		if (pass(from, to, count, i * BITS)) {
			struct csv_sort_row *swap = from;

			from = to;
			to = swap;
		}
	}
	if (from != rows)
		memcpy(rows, from, count * sizeof(*rows));
}

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
