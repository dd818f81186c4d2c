/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: ranges are sorted, and between two of them at least one byte is in neither, so
 * whatever is added joins what it touches.
 */
#include "model/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

static uint64_t end_of(uint64_t low, uint64_t bytes)
{
	return bytes > UINT64_MAX - low ? UINT64_MAX : low + bytes;
}

/* Index of the first range that ends at or above ADDRESS (above it, if BEYOND). */
static size_t find(const struct cs_ranges *ranges, uint64_t address, int beyond)
{
	size_t low = 0, high = ranges->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint64_t end = ranges->at[middle].high;

		if (end < address || (beyond && end == address))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int reserve(struct cs_ranges *ranges)
{
	void *at = ranges->at;
	int error = cs_array_reserve(&at, &ranges->room, sizeof(*ranges->at), ranges->count + 1);

	ranges->at = at;
	return error;
}

/* Puts COUNT ranges in the place of those in [from, to). Room has been made. */
static void replace(struct cs_ranges *ranges, size_t from, size_t to, const struct cs_range *with,
                    size_t count)
{
	if (from + count != to)
		memmove(ranges->at + from + count, ranges->at + to,
		        (ranges->count - to) * sizeof(*ranges->at));
	for (size_t i = 0; i < count; i++)
		ranges->at[from + i] = with[i];
	ranges->count = ranges->count - (to - from) + count;
}

int cs_ranges_add(struct cs_ranges *ranges, uint64_t low, uint64_t bytes)
{
	struct cs_range joined = {low, end_of(low, bytes)};
	uint64_t gone = 0;
	size_t from, to;

	if (joined.low == joined.high)
		return 0;
	if (reserve(ranges))
		return -ENOMEM;
	/* Everything that overlaps or touches becomes one range. */
	from = find(ranges, low, 0);
	for (to = from; to < ranges->count && ranges->at[to].low <= joined.high; to++) {
		struct cs_range *range = &ranges->at[to];

		gone += range->high - range->low;
		if (range->low < joined.low)
			joined.low = range->low;
		if (range->high > joined.high)
			joined.high = range->high;
	}
	replace(ranges, from, to, &joined, 1);
	ranges->bytes = ranges->bytes - gone + (joined.high - joined.low);
	return 0;
}

int cs_ranges_remove(struct cs_ranges *ranges, uint64_t low, uint64_t bytes)
{
	uint64_t high = end_of(low, bytes);
	struct cs_range left[2] = {{0}};
	uint64_t gone = 0;
	size_t from, to, count = 0;

	from = find(ranges, low, 1);
	if (from == ranges->count || reserve(ranges))
		return from == ranges->count ? 0 : -ENOMEM;
	for (to = from; to < ranges->count && ranges->at[to].low < high; to++) {
		struct cs_range range = ranges->at[to];

		gone += range.high - range.low;
		if (range.low < low)
			left[count++] = (struct cs_range){range.low, low};
		if (range.high > high)
			left[count++] = (struct cs_range){high, range.high};
	}
	for (size_t i = 0; i < count; i++)
		gone -= left[i].high - left[i].low;
	replace(ranges, from, to, left, count);
	ranges->bytes -= gone;
	return 0;
}

uint64_t cs_ranges_within(const struct cs_ranges *ranges, uint64_t low, uint64_t high)
{
	uint64_t bytes = 0;

	for (size_t i = find(ranges, low, 1); i < ranges->count && ranges->at[i].low < high; i++) {
		uint64_t from = ranges->at[i].low > low ? ranges->at[i].low : low;
		uint64_t to = ranges->at[i].high < high ? ranges->at[i].high : high;

		if (to > from)
			bytes += to - from;
	}
	return bytes;
}

int cs_ranges_copy(struct cs_ranges *ranges, const struct cs_ranges *from)
{
	*ranges =
		(struct cs_ranges){.count = from->count, .room = from->count, .bytes = from->bytes};
	if (!from->count)
		return 0;
	ranges->at = malloc(from->count * sizeof(*from->at));
	if (!ranges->at) {
		memset(ranges, 0, sizeof(*ranges));
		return -ENOMEM;
	}
	memcpy(ranges->at, from->at, from->count * sizeof(*from->at));
	return 0;
}

void cs_ranges_free(struct cs_ranges *ranges)
{
	free(ranges->at);
	memset(ranges, 0, sizeof(*ranges));
}
