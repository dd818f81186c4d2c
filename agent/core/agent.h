/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent in this process: what it is connected to and whether it records.
 *
 * Started by the first hooked call or the constructor, whichever comes first. State moves
 * COLD → STARTING → ON or OFF; a forked child finds itself back at FORKED and starts anew at
 * its first event. Nothing here is ever locked: a thread that finds somebody else at work on
 * a transition goes on unrecorded.
 */
#ifndef CSA_CORE_AGENT_H
#define CSA_CORE_AGENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/ring.h"
#include "wire/session.h"

enum csa_state { CSA_COLD, CSA_STARTING, CSA_ON, CSA_OFF };

struct csa_thread;

struct csa_agent {
	_Alignas(64) _Atomic uint32_t state; /* enum csa_state */
	bool exact;
	bool heap;
	struct cs_session *session;
	struct cs_ring *ring;
	const _Atomic uint32_t *alive;        /* 0 in a forked child: MADV_WIPEONFORK */
	_Atomic uint32_t lanes_taken;         /* numbers given out; ring->lane_count follows */
	_Atomic(struct csa_thread *) threads; /* all blocks ever made, by ->next */
	uint64_t lane_bytes;
	_Atomic uint64_t stalled_ns;       /* waited, all threads, without progress of the … */
	_Atomic uint64_t stalled_progress; /* … reader since it was at this */
	uint64_t fork_stamp;               /* set just before fork() */
	uintptr_t allocator_low;           /* the module whose malloc really serves */
	uintptr_t allocator_high;
	uint64_t brk_start;
	char folder[512];
	char ring_path[640];
};

extern struct csa_agent csa_agent __attribute__((visibility("hidden")));

/* Makes the agent ready if it is not; true: it records. Cold; keeps errno. */
bool csa_agent_start(void);

/* The present stamp of this ring's clock. After: orders it behind all earlier loads. */
static inline uint64_t csa_stamp(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static inline uint64_t csa_stamp_after(void)
{
	__asm__ volatile("lfence" : : : "memory");
	return csa_stamp();
}

/* On, and still the process that the ring belongs to. One load each. */
static inline bool csa_agent_on(void)
{
	return atomic_load_explicit(&csa_agent.state, memory_order_acquire) == CSA_ON &&
	       atomic_load_explicit(csa_agent.alive, memory_order_relaxed) &&
	       atomic_load_explicit(&csa_agent.session->enabled, memory_order_relaxed);
}

/* Called once per process image when the tables are there; heap/ and coroutine/ fill them in. */
struct csa_part {
	int (*start)(void);   /* before recording is on; 0 or -errno */
	void (*forked)(void); /* in a forked child, before its ring is used */
	void (*ready)(void);  /* all modules are relocated: the constructor runs */

	/* Modules have been loaded, LOADS in all; false: more are being loaded (late.h). */
	bool (*loaded)(uint64_t loads);
	/* One is about to be loaded that finds its own functions before ours. */
	void (*loading_apart)(void);
};

extern const struct csa_part csa_heap_part;

#endif
