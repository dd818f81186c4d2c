/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records are copied out before they are looked at, and the room is given back after each
 * batch: the kernel drops samples only if a whole ring fills between two drains.
 */
#include "kernel/perf_ring.h"

#include <string.h>

/* A ring that is refilled as fast as it is read must not hold the caller for ever. */
#define PASSES_MAX 4u

static void copy_out(const struct cs_perf_ring *ring, uint64_t from, void *to, uint64_t bytes)
{
	uint64_t at = from & (ring->bytes - 1);
	uint64_t first = ring->bytes - at < bytes ? ring->bytes - at : bytes;

	memcpy(to, ring->data + at, first);
	memcpy((uint8_t *)to + first, ring->data, bytes - first);
}

/* Where the batch that ends at HEAD was read to: HEAD, also when the rest is damaged. */
static void drain_to(struct cs_perf_ring *ring, uint64_t tail, uint64_t head, cs_perf_visit *visit,
                     void *context)
{
	struct perf_event_header header;

	while (head - tail >= sizeof(header)) {
		copy_out(ring, tail, &header, sizeof(header));
		if (header.size < sizeof(header) || header.size % 8 || header.size > head - tail)
			break;
		copy_out(ring, tail, ring->copy, header.size);
		visit(context, (const uint8_t *)ring->copy, header.size);
		tail += header.size;
	}
	ring->damaged += tail != head;
}

void cs_perf_ring_drain(struct cs_perf_ring *ring, cs_perf_visit *visit, void *context)
{
	for (unsigned pass = 0; pass < PASSES_MAX; pass++) {
		/* Pairs with the kernel's store of data_head after the records. */
		uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
		uint64_t tail = ring->page->data_tail;

		if (head == tail)
			return;
		if (head - tail > ring->bytes) {
			ring->damaged++;
			tail = head;
		}
		drain_to(ring, tail, head, visit, context);
		/* Pairs with the kernel's load of data_tail before it writes there again. */
		__atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
	}
}
