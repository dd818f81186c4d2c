/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The producer's side of lanes (wire/ring.h). emit.h is what the rest of the agent uses.
 */
#ifndef CSA_CORE_LANE_H
#define CSA_CORE_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/thread.h"
#include "wire/record.h"

/* Reserves file space for a new lane and maps it into THREAD. False: no disk, no folder. */
bool csa_lane_open(struct csa_thread *thread);

/*
 * Gives all lanes all the memory that they may ever need: from now on none can be asked for. To
 * be called before the process locks itself in.
 */
void csa_lane_back_all(void);

/* Makes sure that BYTES at OFFSET of FD have room on the disk. False: they have not. */
bool csa_lane_space(long fd, uint64_t offset, uint64_t bytes);

/* Forgets an unfinished record whose maker was left by longjmp; publishes what is behind it. */
void csa_lane_abandon(struct csa_thread *thread);

/* Writes THREAD_START, _NAME or _END with what THREAD knows of itself. */
bool csa_lane_tell_thread(struct csa_thread *thread, enum cs_record_kind kind);

/* ---- private to core/: what moves a lane ---- */

/*
 * Memory for the data up to END, at most all of it; twice as much each time. False: there is none.
 * Then the owner, alone, lets the lane stay as large as what it has: its positions have not come
 * further, so each byte stays where it is, and the reader hears of it before they do.
 */
bool csa_lane_back(struct csa_thread *thread, uint64_t end);
void csa_lane_stay_small(struct csa_thread *thread);

/* Compare-and-swap: atomic against signal handlers of this thread, not other processors. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the assembly writes it */
static inline bool csa_local_cas(uint64_t *word, uint64_t from, uint64_t to)
{
	bool done;

	__asm__ volatile("cmpxchgq %3, %1"
	                 : "=@ccz"(done), "+m"(*word), "+a"(from)
	                 : "r"(to)
	                 : "memory");
	return done;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the assembly writes it */
static inline void csa_local_add(uint64_t *word, uint64_t value)
{
	__asm__ volatile("addq %1, %0" : "+m"(*word) : "er"(value) : "memory", "cc");
}

/* The same for a word that the reader looks at and only this thread writes. */
static inline void csa_lane_add(_Atomic uint64_t *word, uint64_t value)
{
	csa_local_add((uint64_t *)word, value);
}

static inline void csa_lane_barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

/* Whether all that was reserved has been published. */
static inline bool csa_lane_published(const struct csa_thread *thread)
{
	return *(const volatile uint64_t *)&thread->reserve ==
	       atomic_load_explicit(&thread->lane->head, memory_order_relaxed);
}

/* Ends the making of a record; the outermost publishes all that is complete. */
void csa_lane_leave(struct csa_thread *thread);

#endif
