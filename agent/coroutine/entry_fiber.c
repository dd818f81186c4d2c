/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program and libboost_fiber.so call instead of Boost.Fiber's functions. Each ends
 * with a jump, so no frame of ours is on a fiber's stack while it waits, and exceptions pass.
 */
#include "coroutine/fiber.h"
#include "coroutine/switch.h"

#define EXPORT __attribute__((visibility("default")))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define UNUSED __attribute__((unused))
#define HOOK(name)                                                                    \
	static inline void name(UNUSED void *a, UNUSED void *b, UNUSED const void *c, \
	                        UNUSED uintptr_t caller)

HOOK(asked)
{
	if (UNLIKELY(csa_fiber_unlocked))
		csa_fiber_asked(caller);
}

HOOK(unlocked)
{
	csa_fiber_unlocked = true;
}

HOOK(suspends)
{
	csa_fiber_suspends(caller, a, NULL);
}

HOOK(suspends_locked)
{
	csa_fiber_suspends(caller, a, b);
}

HOOK(waits_locked)
{
	csa_fiber_suspends(caller, a, c);
}

HOOK(queues)
{
	csa_fiber_queues(caller, a, b);
}

HOOK(joins)
{
	csa_fiber_joins(caller);
}

HOOK(sleeps)
{
	csa_fiber_sleeps();
}

HOOK(wakes)
{
	csa_fiber_wakes(b);
}

HOOK(terminates)
{
	csa_fiber_terminates();
}

HOOK(attached)
{
	csa_fiber_attached(caller, b, false);
}

/* By value, but not a trivial one: what is passed is where it is. */
HOOK(attached_dispatcher)
{
	csa_fiber_attached(caller, *(void **)b, true);
}

#define X(member, symbol, hook)                                                       \
	EXPORT csa_fiber_function csa_entry_fiber_##member __asm__(symbol);           \
	EXPORT uintptr_t csa_entry_fiber_##member(void *a, void *b, void *c, void *d) \
	{                                                                             \
		if (csa_board->slots)                                                 \
			hook(a, b, c, (uintptr_t)__builtin_return_address(0));        \
		return csa_fiber_real.member(a, b, c, d);                             \
	}
CSA_FIBER_FUNCTIONS(X)
