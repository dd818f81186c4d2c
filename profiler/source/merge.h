/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lanes of one ring, merged into one stream in the order of stamps.
 *
 * What may be taken out now is bounded: a lane may still publish a record that is older than
 * one we hold from another lane. Nothing can come below cs_merge_bound(). Records that come
 * below it all the same (their thread was stopped for too long in the middle of one) are
 * passed on late, and counted.
 */
#ifndef CS_SOURCE_MERGE_H
#define CS_SOURCE_MERGE_H

#include "source/ring.h"

/* Records from FIRST to END (not included) of one lane, in order, SKIP among them. Valid
 * during the call. */
typedef void cs_merge_visit(void *context, struct cs_lane_reader *lane,
                            const struct cs_record *first, const struct cs_record *end);

struct cs_merge {
	struct cs_lane_reader **heap; /* by the stamp of the front record, lowest first */
	uint32_t count, capacity;
	uint64_t closed; /* everything up to here has been passed on */
	uint64_t late;   /* records that came after that */
	uint64_t records;
};

static inline const struct cs_record *cs_record_next(const struct cs_record *record)
{
	return (const struct cs_record *)((const uint8_t *)record + record->bytes);
}

/*
 * The stamp below which nothing will come any more. PRESENT was read before cs_ring_look()
 * was called, less CS_PENDING_MARGIN_NS.
 */
uint64_t cs_merge_bound(const struct cs_ring_reader *ring, uint64_t present);

/* Passes on all records with stamps up to BOUND; UINT64_MAX: all there are. -ENOMEM or 0. */
int cs_merge_drain(struct cs_merge *merge, struct cs_ring_reader *ring, uint64_t bound,
                   cs_merge_visit *visit, void *context);

void cs_merge_free(struct cs_merge *merge);

#endif
