/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A heap of lanes by their next stamp. The lowest lane gives a run of records, up to the
 * stamp of the second lowest: one lane alone is walked in one go, two that alternate cost a
 * comparison or two a record.
 */
#include "source/merge.h"

#include <errno.h>
#include <stdlib.h>

/*
 * The look has read `pending` of a lane first, then its head. Where pending was 0, what comes
 * later is stamped later than the present less the margin; what came before is below the
 * head. Where it was P, what comes later is not below P.
 */
uint64_t cs_merge_bound(const struct cs_ring_reader *ring, uint64_t present)
{
	uint64_t bound = present;

	for (uint32_t i = 0; i < ring->lane_count; i++) {
		uint64_t pending = ring->lanes[i]->pending;

		/* A record of exactly that stamp is still to come. */
		if (pending && pending - 1 < bound)
			bound = pending - 1;
	}
	return bound;
}

static uint64_t stamp_of(const struct cs_lane_reader *lane)
{
	return cs_lane_front(lane)->stamp;
}

static void sift_down(struct cs_merge *merge, uint32_t at)
{
	struct cs_lane_reader *lane = merge->heap[at];
	uint64_t stamp = stamp_of(lane);

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= merge->count)
			break;
		if (child + 1 < merge->count &&
		    stamp_of(merge->heap[child + 1]) < stamp_of(merge->heap[child]))
			child++;
		if (stamp_of(merge->heap[child]) >= stamp)
			break;
		merge->heap[at] = merge->heap[child];
		at = child;
	}
	merge->heap[at] = lane;
}

static int build(struct cs_merge *merge, struct cs_ring_reader *ring)
{
	if (merge->capacity < ring->lane_count) {
		uint32_t capacity = ring->lane_count + ring->lane_count / 2 + 2;
		struct cs_lane_reader **heap =
			realloc(merge->heap, capacity * sizeof(struct cs_lane_reader *));

		if (!heap)
			return -ENOMEM;
		merge->heap = heap;
		merge->capacity = capacity;
	}
	merge->count = 0;
	for (uint32_t i = 0; i < ring->lane_count; i++)
		if (cs_lane_front(ring->lanes[i]) || cs_lane_fetch(ring->lanes[i]))
			merge->heap[merge->count++] = ring->lanes[i];
	for (uint32_t i = merge->count / 2; i-- > 0;)
		sift_down(merge, i);
	return 0;
}

/* How far the lowest lane may be walked. */
static uint64_t limit_of(const struct cs_merge *merge, uint64_t bound)
{
	uint64_t limit = bound;

	for (uint32_t i = 1; i < merge->count && i < 3; i++)
		if (stamp_of(merge->heap[i]) < limit)
			limit = stamp_of(merge->heap[i]);
	return limit;
}

/* Passes on the records of LANE that are stamped up to LIMIT. */
static void pass_run(struct cs_merge *merge, struct cs_lane_reader *lane, uint64_t limit,
                     cs_merge_visit *visit, void *context)
{
	const struct cs_record *first = cs_lane_front(lane);
	const struct cs_record *end = (struct cs_record *)(lane->buffer + lane->ready);
	const struct cs_record *at = first;
	uint64_t records = 0;

	do {
		merge->late += at->stamp < merge->closed && at->kind != CS_RECORD_SKIP;
		records++;
		at = cs_record_next(at);
	} while (at < end && at->stamp <= limit);
	merge->records += records;
	visit(context, lane, first, at);
	lane->begin = (uint32_t)((const uint8_t *)at - lane->buffer);
}

int cs_merge_drain(struct cs_merge *merge, struct cs_ring_reader *ring, uint64_t bound,
                   cs_merge_visit *visit, void *context)
{
	int error = build(merge, ring);

	if (error)
		return error;
	while (merge->count > 0) {
		struct cs_lane_reader *lane = merge->heap[0];

		if (stamp_of(lane) > bound)
			break;
		pass_run(merge, lane, limit_of(merge, bound), visit, context);
		if (!cs_lane_front(lane) && !cs_lane_fetch(lane)) {
			merge->heap[0] = merge->heap[--merge->count];
			if (merge->count == 0)
				break;
		}
		sift_down(merge, 0);
	}
	if (bound != UINT64_MAX && bound > merge->closed)
		merge->closed = bound;
	return 0;
}

void cs_merge_free(struct cs_merge *merge)
{
	free(merge->heap);
	*merge = (struct cs_merge){0};
}
