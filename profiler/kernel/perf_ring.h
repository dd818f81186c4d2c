/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event ring that is shared with the kernel: a page of positions, then a power of two of
 * data. The kernel writes at data_head and never over what we have not passed with data_tail.
 *
 * One thread reads. Nothing in it is believed: a record that claims more than there is, or
 * nothing at all, ends the batch and is counted as damage.
 */
#ifndef CS_KERNEL_PERF_RING_H
#define CS_KERNEL_PERF_RING_H

#include <linux/perf_event.h>
#include <stdint.h>

/* The length field of a record has 16 bits. */
#define CS_PERF_RECORD_BYTES_MAX 65536u

struct cs_perf_ring {
	struct perf_event_mmap_page *page;
	const uint8_t *data;
	uint64_t bytes; /* of data; a power of two, at least 4096 */
	uint64_t damaged;
	/* Where a record is put together: it may go around the end. 8-aligned. */
	uint64_t copy[CS_PERF_RECORD_BYTES_MAX / sizeof(uint64_t)];
};

/* RECORD is whole and holds for this call. */
typedef void cs_perf_visit(void *context, const uint8_t *record, uint32_t bytes);

/* Visits what there is, in the order in which it was written, and gives the room back. */
void cs_perf_ring_drain(struct cs_perf_ring *ring, cs_perf_visit *visit, void *context);

#endif
