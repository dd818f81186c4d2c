/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens at every switch: some twenty instructions that touch the slots of the two
 * coroutines and a table of recent contexts. It says false whenever anything is not as it
 * should be, and csa_coro_switch() finds out what.
 *
 * A switcher that makes a system call waits for all that was begun before: what costs there is
 * not the number of instructions but the longest chain of loads that need each other, 1.7 ns
 * each. So the board has a fixed place, and csa_here is reached by its plain address.
 *
 * In a forked child the board's page is wiped, so its first switch goes the long way as well.
 */
#ifndef CSA_COROUTINE_SWITCH_H
#define CSA_COROUTINE_SWITCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/agent.h"
#include "core/thread.h"
#include "coroutine/slots.h"

#define CSA_BOARD_BYTES 4096

/* All that a switch needs to know of the process, a page of its own; zero: nothing is on. */
struct csa_board {
	_Alignas(CSA_BOARD_BYTES) uint8_t *slots; /* csa_slots; NULL: there is no table */
	uint8_t *fast;             /* the same, set after all else; NULL: go the long way */
	_Atomic uint32_t *recent;  /* lines by hash of the context */
	uint32_t shift;            /* 64 - bits of the hash */
	_Atomic uint64_t *present; /* the time; NULL: read the counter at each switch */
	uint64_t mark;             /* of what we keep in a ucontext_t (ucontext.h); 0: nothing */
	uint64_t mark_counted;     /* the same; 0: switches are timed as well */
};

extern struct csa_board csa_board[1] __attribute__((visibility("hidden")));

/* The calling thread runs on this one's stack: a coroutine's slot, or its own; NULL unknown. */
extern __thread struct cs_slot *csa_here
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Its address: a store that says %fs: takes 1.2 ns more than one that does not. */
static inline struct cs_slot **csa_here_place(void)
{
	struct cs_slot **place = &csa_here;

	__asm__("" : "+r"(place));
	return place;
}

/* Pairs with the release in board.c: what is read of the board after this is whole. */
static inline uint8_t *csa_board_fast(void)
{
	return __atomic_load_n(&csa_board->fast, __ATOMIC_ACQUIRE);
}

static inline _Atomic uint32_t *csa_recent(const struct csa_board *board, uint64_t context)
{
	return &board->recent[context * UINT64_C(0x9e3779b97f4a7c15) >> board->shift];
}

static inline uint64_t csa_switch_stamp(const struct csa_board *board)
{
	if (!board->present)
		return csa_stamp();
	return atomic_load_explicit(board->present, memory_order_relaxed);
}

/* Time goes on in SLOT; the sum is what it was spent on. No stamp, or an old one: it does not. */
static inline void csa_switch_time(struct cs_slot *slot, uint64_t *sum, uint64_t stamp)
{
	uint64_t since = slot->since, now = stamp > since ? stamp : since;

	*sum += now - since;
	slot->since = now;
}

/* The same where no stamp is old: those of the board's `present`. */
static inline void csa_switch_present(struct cs_slot *slot, uint64_t *sum, uint64_t stamp)
{
	*sum += stamp - slot->since;
	slot->since = stamp;
}

/* What agents_woken is then: who leaves need not wait. */
#define CSA_WOKEN (CS_SLOT_WAITING ^ CS_SLOT_RUNNABLE)

/* SLOT no longer runs; its context is stored. */
static inline void csa_switch_leave(struct cs_slot *slot, uint64_t stamp)
{
	uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_relaxed);
	uint64_t state = CS_SLOT_WAITING ^ slot->agents_woken;

	csa_switch_time(slot, &slot->run_ticks, stamp);
	atomic_store_explicit(&slot->turn, (turn & ~UINT64_C(0xff)) | state, memory_order_release);
}

_Static_assert(offsetof(struct cs_slot, reason) == offsetof(struct cs_slot, tid) + 4 &&
                       offsetof(struct cs_slot, agents_key) == offsetof(struct cs_slot, tid) + 8,
               "a runner is one store");

/* In one store: and no reason, no context, not woken. */
static inline void csa_switch_runner(struct cs_slot *slot, uint32_t tid)
{
	uint64_t runner = tid;

	__builtin_memcpy(&slot->tid, &runner, sizeof(runner));
}

/* SLOT is about to run on the thread TID. */
static inline void csa_switch_enter(struct cs_slot *slot, uint32_t tid, uint64_t stamp)
{
	uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_relaxed);

	atomic_store_explicit(&slot->turn, (turn & ~UINT64_C(0xff)) + 0x100 + CS_SLOT_RUNNING,
	                      memory_order_release);
	csa_switch_time(slot, &slot->wait_ticks, stamp);
	csa_switch_runner(slot, tid);
}

/*
 * The thread goes from the stack that SP is on, to be resumed by FROM_CONTEXT of KIND, to
 * where TO_CONTEXT was left. False: nothing has been noted.
 */
__attribute__((always_inline)) static inline bool csa_switch_fast(enum cs_slot_context kind,
                                                                  uint64_t from_context,
                                                                  uint64_t from_key,
                                                                  uint64_t to_key, uint64_t sp)
{
	struct cs_slot **here = csa_here_place(), *from = *here, *to;
	uint8_t *slots = csa_board_fast();

	if (__builtin_expect(!slots || !from, 0))
		return false;
	to = (struct cs_slot *)(slots + (size_t)atomic_load_explicit(csa_recent(csa_board, to_key),
	                                                             memory_order_relaxed) *
	                                        64);
	if (__builtin_expect(to->agents_key != to_key || to == from, 0) ||
	    __builtin_expect(sp - from->stack_low >= from->stack_high - from->stack_low, 0))
		return false;
	uint64_t stamp = csa_switch_stamp(csa_board);

	from->context = from_context;
	from->context_kind = (uint8_t)kind;
	from->agents_key = from_key;
	atomic_store_explicit(csa_recent(csa_board, from_key),
	                      (uint32_t)((size_t)((uint8_t *)from - slots) / 64),
	                      memory_order_relaxed);
	csa_switch_leave(from, stamp);
	csa_switch_enter(to, from->tid, stamp);
	*here = to;
	return true;
}

#endif
