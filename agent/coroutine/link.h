/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What glibc leaves on the stack of a coroutine of makecontext: the context that it goes on with
 * when its function has returned, and a sign that it has. There is no call then that could be
 * seen, and the ucontext_t that it was resumed with need not be the one that it was made with.
 */
#ifndef CSA_COROUTINE_LINK_H
#define CSA_COROUTINE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "coroutine/coroutine.h"

/*
 * Tries once how makecontext, MAKE, lays out a stack: without that nothing is believed of it. Safe
 * at any time; the program sees nothing of it.
 */
void csa_link_learn(void *make);

/* Where the stack pointer is when it begins that was made with ARGC arguments on a stack to TOP. */
uint64_t csa_link_first_sp(uint64_t top, int argc);

/* SLOT is about to be made by makecontext with ARGC arguments. */
void csa_link_made(struct cs_slot *slot, int argc);

/*
 * How SLOT, whose stack goes, has ended: as it seems, HOW, or by returning, on a thread that has
 * not been heard of since.
 */
enum cs_coro_end csa_link_end(const struct csa_thread *thread, const struct cs_slot *slot,
                              enum cs_coro_end how);

/*
 * SLOT ran on THREAD; now TO does, and nobody has told of a switch. If it has returned it has
 * finished, and so have all that lie between; or else it has been left. With csa_tls.busy set.
 */
void csa_link_follow(struct csa_thread *thread, struct cs_slot *slot, const struct cs_slot *to,
                     uint64_t stamp);

/* Who runs at SP, as far as that is known, or somebody has returned there. */
static inline struct cs_slot *csa_link_present(uint64_t sp)
{
	const struct cs_slot *here = csa_board->slots ? csa_here : NULL;

	if (!here)
		return NULL;
	if ((here->flags & CS_SLOT_LINKED) && !csa_coro_is_here(sp))
		csa_coro_look(sp);
	return csa_here;
}

/*
 * What the agent keeps of one of makecontext's in agents_own: words of arguments on its stack, and
 * 1, or 0 for unknown; and how far down its outermost frame is that has called getcontext.
 */
#define CSA_LINK_ARGUMENTS 0xffu
#define CSA_LINK_DEPTH_SHIFT 8

#endif
