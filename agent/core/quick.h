/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The quick way of the records that programs are full of. It is open (`quick`) where lane.c
 * would find nothing to do but to reserve and to publish: no loss to tell, no end of a lap, no
 * limit. Everything else goes lane.c's way (emit.h).
 *
 * A ticket is the stamp and the place of a record to come. While it is held, handlers record
 * behind it, unpublished. It is used, or given back, by whoever took it; if a handler has
 * recorded meanwhile, it is void.
 */
#ifndef CSA_CORE_QUICK_H
#define CSA_CORE_QUICK_H

#include "core/agent.h"
#include "core/lane.h"

struct csa_ticket {
	uint64_t position;
	uint64_t stamp;
};

/* So far ahead of the record being written, lines of the lane are asked for. */
#define CSA_QUICK_AHEAD 256u

/*
 * Whether another thread may have freed what this one has just allocated. Its lane was there
 * before its first free, and a processor sees loads in their order: who was given a block that
 * another lane's thread had freed, sees that lane here as well. Where there is none, the stamp
 * of an allocation need not wait for the loads of the allocator.
 */
static inline bool csa_quick_shares_blocks(void)
{
	return atomic_load_explicit(&csa_agent.lanes_taken, memory_order_acquire) > 1;
}

/*
 * Takes a ticket for a record of BYTES; AFTER: its stamp is behind all earlier loads. False:
 * the quick way is closed.
 */
static inline bool csa_quick_take(struct csa_thread *thread, uint32_t bytes, bool after,
                                  struct csa_ticket *ticket)
{
	ticket->position = *(volatile uint64_t *)&thread->reserve;
	if (__builtin_expect(thread->depth, 0) ||
	    __builtin_expect(ticket->position + bytes > thread->quick, 0))
		return false;
	thread->depth = 1;
	atomic_store_explicit(&thread->lane->pending, thread->last_stamp | 1, memory_order_relaxed);
	csa_lane_barrier();
	ticket->stamp = after && csa_quick_shares_blocks() ? csa_stamp_after() : csa_stamp();
	return true;
}

static inline void csa_quick_give_back(struct csa_thread *thread)
{
	csa_lane_leave(thread);
}

/*
 * The record for TICKET: a SKIP as yet, whose words from the third on are the caller's to
 * write. NULL: the ticket was void and has been given back.
 */
static inline uint64_t *csa_quick_open(struct csa_thread *thread, const struct csa_ticket *ticket,
                                       uint32_t bytes)
{
	uint64_t position = ticket->position;
	uint64_t *record;

	if (__builtin_expect(!csa_local_cas(&thread->reserve, position, position + bytes), 0)) {
		csa_lane_leave(thread);
		return NULL;
	}
	record = (uint64_t *)(thread->data + (position & thread->mask));
	*(volatile uint64_t *)record = bytes | (uint64_t)CS_RECORD_SKIP << 16;
	record[1] = ticket->stamp;
	thread->last_stamp = ticket->stamp;
	/* The reader's processor has had the line: ask for it before it is written. */
	__asm__ volatile("prefetchw %0"
	                 :
	                 : "m"(*(thread->data + ((position + CSA_QUICK_AHEAD) & thread->mask))));
	return record;
}

/* Makes it a record of KIND and publishes it. */
static inline void csa_quick_close(struct csa_thread *thread, uint64_t *record, uint32_t bytes,
                                   enum cs_record_kind kind, uint32_t arg)
{
	struct cs_lane *lane = thread->lane;

	csa_lane_barrier();
	*(volatile uint64_t *)record = bytes | (uint64_t)kind << 16 | (uint64_t)arg << 32;
	csa_lane_add(&lane->emitted, 1);
	atomic_store_explicit(&lane->head, *(volatile uint64_t *)&thread->reserve,
	                      memory_order_release);
	atomic_store_explicit(&lane->pending, 0, memory_order_release);
	*(volatile uint32_t *)&thread->depth = 0;
	if (__builtin_expect(!csa_lane_published(thread), 0)) {
		thread->depth = 1;
		csa_lane_leave(thread);
	}
}

#endif
