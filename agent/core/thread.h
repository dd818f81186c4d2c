/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent keeps for a thread.
 *
 * struct csa_tls lives in static thread-local storage (initial-exec: access never
 * allocates) and is all that an unsampled call touches. struct csa_thread is mapped at the
 * thread's first recorded event and holds everything else, with the thread's own agent
 * stack, on which all heavy work runs. It outlives the thread and is taken over by another.
 */
#ifndef CSA_CORE_THREAD_H
#define CSA_CORE_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "stack/walk.h"
#include "wire/ring.h"

struct csa_thread;
struct cs_slot;

struct csa_tls {
	int64_t bytes_left;        /* until the next sample; below 0: this call is one */
	struct csa_thread *thread; /* NULL: not met yet */
	uintptr_t busy;            /* frame address of the hook that is at work, 0 none */
	uint32_t inside;           /* depth of real calls whose nested calls are not counted */
	uint32_t refused;          /* this thread can't be recorded */
	uint32_t nested;           /* events since `busy` was set, recorded without a stack */
	uint64_t random;           /* state of the sampler's generator; 0: not drawn yet */
};

extern __thread struct csa_tls csa_tls __attribute__((tls_model("initial-exec")));

struct csa_thread {
	/* lane.c */
	struct cs_lane *lane;
	uint8_t *data;
	uint64_t mask;
	uint64_t backed;  /* so much of the data has memory; the rest is not to be touched */
	uint64_t reserve; /* next free position; moved only by csa_lane_* */
	uint64_t quick;   /* reserve may go up to here without further ado; 0: look first */
	uint64_t limit;   /* reserve may go up to here before tail is read again */
	uint32_t depth;   /* records being made: >1 inside a signal handler */
	uint32_t tid;
	uint64_t lost;
	uint64_t lost_told;  /* of `lost`, those that a LOST record speaks of */
	uint64_t lost_stamp; /* of the first one not told */
	uint64_t last_stamp; /* no later record has a lower one */
	bool started;        /* THREAD_START is in the lane */

	/* thread.c */
	uint64_t stack_low; /* the thread's own stack */
	uint64_t stack_high;
	char name[16];
	void *own_stack_top;
	uint32_t own_stack_busy; /* csa_thread_run is at work on it */

	/* coroutine/ */
	struct cs_slot *slot; /* for its own stack, once it has switched; NULL none */
	uint64_t coro_told;   /* the coroutine that the lane speaks for */
	/* Of the coroutine that it has gone into the kernel for: as CS_SLOT_CONTEXT_GCCGO. */
	uint64_t kernel_context[8];

	struct csa_thread *next; /* in csa_agent.threads */

	struct csa_walk walk; /* stack/walk.h: the last stack, for reuse */
};

/*
 * The calling thread's block with a lane behind it, made on the first call; NULL when that
 * is impossible (counted as CS_AGENT_NO_LANE) or recording is off. Called with csa_tls.busy
 * set. SP: the caller's stack pointer; the thread's known stack is extended down to it.
 */
struct csa_thread *csa_thread_self(uintptr_t sp);

/*
 * Runs FN(ARG) on the agent's own stack of THREAD with all signals blocked. Nested calls run
 * FN directly. FN must not call into the program.
 */
void csa_thread_run(struct csa_thread *thread, void (*fn)(void *), void *arg);

/* At start: finds the libc functions that may be missing (no libpthread: no threads). */
void csa_thread_start(void);

/* In a forked child: only the calling thread is left, and it has no lane yet. */
void csa_thread_forked(void);

#endif
