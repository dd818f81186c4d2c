/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each span carries the highest end of all before it: a search from the one that starts last
 * stops as soon as none before it can reach that far, however they nest.
 */
#include "symbol/spans.h"

#include <stdlib.h>

#include "base/list.h"

int cs_spans_add(struct cs_spans *spans, uint64_t low, uint64_t high, uint32_t id)
{
	void *at = spans->at;

	if (high <= low)
		return 0;
	int error = cs_array_reserve(&at, &spans->room, sizeof(*spans->at), spans->count + 1);
	if (error)
		return error;
	spans->at = at;
	spans->at[spans->count++] = (struct cs_span){.low = low, .high = high, .id = id};
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct cs_span *a = left;
	const struct cs_span *b = right;

	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	if (a->high != b->high) /* of two that start together the smaller is found */
		return a->high > b->high ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

void cs_spans_sort(struct cs_spans *spans)
{
	uint64_t reach = 0;

	if (spans->count == 0)
		return;
	qsort(spans->at, spans->count, sizeof(*spans->at), compare);
	for (size_t i = 0; i < spans->count; i++) {
		if (spans->at[i].high > reach)
			reach = spans->at[i].high;
		spans->at[i].reach = reach;
	}
}

ptrdiff_t cs_spans_find(const struct cs_spans *spans, uint64_t address)
{
	size_t low = 0;
	size_t high = spans->count;

	/* The first span that starts behind ADDRESS. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (spans->at[middle].low <= address)
			low = middle + 1;
		else
			high = middle;
	}
	while (low-- > 0 && spans->at[low].reach > address)
		if (spans->at[low].high > address)
			return (ptrdiff_t)low;
	return -1;
}

void cs_spans_free(struct cs_spans *spans)
{
	free(spans->at);
	*spans = (struct cs_spans){0};
}
