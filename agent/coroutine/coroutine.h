/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines, as adapters tell of them: create, switch, park, wake, finish, name. Nothing else
 * in this folder but core.c reaches the table or a lane.
 *
 * All may be called on any stack of the program, need less than 600 bytes of it, keep errno
 * and never wait. What a signal handler does while it interrupts the agent is not noted;
 * the next event puts right who runs.
 */
#ifndef CSA_COROUTINE_COROUTINE_H
#define CSA_COROUTINE_COROUTINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/agent.h"
#include "core/thread.h"
#include "coroutine/switch.h"
#include "stack/stack.h"
#include "wire/coroutine.h"
#include "wire/record.h"

struct csa_birth {
	const char *runtime; /* cli.md's name of it */
	uint64_t low, high;  /* its stack; 0, 0 unknown */
	uint64_t entry;      /* 0 unknown */
	uint64_t context;    /* how it will be begun; 0 unknown */
	uint64_t key;        /* what the switch to it will look for; 0 unknown */
	uint8_t context_kind;
	uint16_t flags;             /* enum cs_slot_flag */
	const struct csa_frame *at; /* who creates it; NULL unknown */
	uint64_t spawn;             /* or a stack that is named already */
};

/*
 * A coroutine begins. One that still has a part of its stack has ended. NULL: it can't be
 * followed (counted), or recording is off.
 */
struct cs_slot *csa_coro_create(const struct csa_birth *birth);

struct csa_switch {
	const char *runtime;   /* of a coroutine that is met here for the first time */
	uint64_t sp;           /* a word of the stack that is left: a return address on it */
	uint64_t from_context; /* how it will be resumed; 0 not at all */
	uint64_t from_key;
	struct cs_slot *to; /* who is entered, if that is known; else … */
	bool to_thread;     /* the thread's own stack; or else by … */
	uint64_t to_key;
	uint64_t to_address; /* anywhere on the stack that is entered */
	uint8_t from_kind;   /* enum cs_slot_context */
	uint8_t from_ends;   /* enum cs_coro_end of the coroutine that is left; 0: it goes on */
};

/* The thread is about to go from one stack to another. */
void csa_coro_switch(const struct csa_switch *how);

/* For runtimes that tell of switches on the stack itself: who is on that of SP, if it has not
 * been noticed yet; … */
void csa_coro_look(uint64_t sp);
/* … the present one is about to leave for somebody who is not known yet, … */
void csa_coro_leave(uint64_t context, enum cs_slot_context kind);
/* … and it ends when it leaves. */
void csa_coro_ending(void);

/* The present coroutine is going to wait, for REASON (a literal or NULL). */
void csa_coro_park(const char *reason);

/* The same for a reason that recurs: its text is looked up once. */
struct csa_reason {
	const char *text;
	_Atomic uint32_t id; /* 0: not looked up yet */
};
void csa_coro_park_for(struct csa_reason *reason);

/*
 * It turns out what SLOT is, after its birth has been told: it has these FLAGS as well.
 */
void csa_coro_turns_out(struct cs_slot *slot, uint16_t flags);

/* SLOT need not wait any longer. */
void csa_coro_wake(struct cs_slot *slot);

void csa_coro_finish(struct cs_slot *slot, enum cs_coro_end how);

/* NULL leaves name or labels as they are. */
void csa_coro_name(struct cs_slot *slot, const char *name, const char *labels);

/* The coroutine whose stack holds ADDRESS; NULL: none that is known. */
struct cs_slot *csa_coro_of(uint64_t address);

/* [low, low + bytes) is no memory of the program any more, or is somebody else's. */
void csa_coro_memory_gone(uint64_t low, uint64_t bytes);
/* A block or mapping has been asked for by *AT: it may become a stack. */
void csa_coro_memory_new(uint64_t low, uint64_t bytes, const struct csa_frame *at);
/* BLOCK is about to be freed. */
void csa_coro_block_gone(const void *block);
extern _Atomic uint32_t csa_coro_count
	__attribute__((visibility("hidden"))); /* stacks, and what may be */

/* ---- for heap/ and stack/ ---- */

/*
 * Finds out who runs at SP, if that is not known. With csa_tls.busy set. Returns the number
 * of the coroutine, 0 for the thread itself.
 */
uint64_t csa_coro_now(struct csa_thread *thread, uint64_t sp);

/*
 * A whole stack ends in the function of OUTERMOST, a return address: who was met here and ends
 * in another one is somebody else. On the agent's own stack, with csa_tls.busy set.
 */
void csa_coro_ends_in(uint64_t outermost);

/* Whether that is worth knowing: asked often. */
static inline bool csa_coro_ends_elsewhere(uint64_t outermost)
{
	const struct cs_slot *here = csa_here;

	return __builtin_expect(here != NULL, 0) && csa_board->slots &&
	       (here->flags & (CS_SLOT_FOUND | CS_SLOT_SHARED_STACK)) == CS_SLOT_FOUND &&
	       here->agents_own != (uint32_t)outermost;
}

/* The present one is known by its stack alone and has just come back: asked once each time. */
static inline bool csa_coro_may_be_another(void)
{
	struct cs_slot *here = csa_here;

	if (__builtin_expect(here == NULL, 1) || !csa_board->slots || here->agents_own ||
	    (here->flags & (CS_SLOT_FOUND | CS_SLOT_SHARED_STACK)) != CS_SLOT_FOUND)
		return false;
	here->agents_own = 1; /* no return address that could be met */
	return true;
}

/* Tells in THREAD's lane whose the next allocations are, if it was somebody else's before. */
void csa_coro_tell(struct csa_thread *thread, uint64_t number);

/* The thread is known to run on the coroutine's stack that SP is on. */
static inline bool csa_coro_is_here(uint64_t sp)
{
	const struct cs_slot *here = csa_here;

	return here && csa_board->slots &&
	       sp - here->stack_low < here->stack_high - here->stack_low;
}

/*
 * Whoever runs at SP is known, the lane speaks for it, and [*LOW, *HIGH) is its stack. False:
 * csa_coro_now() and csa_coro_tell() have to find out.
 */
static inline bool csa_coro_known(const struct csa_thread *thread, uint64_t sp, uint64_t *low,
                                  uint64_t *high)
{
	const struct cs_slot *here = csa_here;
	uint64_t number = 0;

	*low = thread->stack_low;
	*high = thread->stack_high;
	if (__builtin_expect(here != NULL, 0)) {
		if (!csa_board->slots || (here->flags & CS_SLOT_GUESSED))
			return false;
		*low = here->stack_low;
		*high = here->stack_high;
		if (!(here->flags & CS_SLOT_THREAD))
			number = atomic_load_explicit(&here->number, memory_order_relaxed);
	}
	return sp - *low < *high - *low && number == thread->coro_told;
}

/* The memory around SP that can be read as long as we run on it. */
static inline void csa_coro_bounds(const struct csa_thread *thread, uint64_t sp, uint64_t *low,
                                   uint64_t *high)
{
	bool on_coroutine = csa_coro_is_here(sp) && !(csa_here->flags & CS_SLOT_GUESSED);

	*low = on_coroutine ? csa_here->stack_low : thread->stack_low;
	*high = on_coroutine ? csa_here->stack_high : thread->stack_high;
}

/* ---- for core/ ---- */

/* A block of a thread has a new owner; the thread has ended. */
void csa_coro_thread_begins(struct csa_thread *thread);
void csa_coro_thread_ends(struct csa_thread *thread);

extern const struct csa_part csa_coroutine_part;

/* Around fork, in the parent. */
void csa_coro_before_fork(void);
void csa_coro_after_fork(void);

#endif
