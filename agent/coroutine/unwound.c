/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of a coroutine without a stack, as long as it lives: in agents_own where the stack
 * pointer is in the call that has resumed it, in agents_key who that was, until a switch to another
 * stack needs it for what it is there for.
 */
#include "coroutine/unwound.h"

#include "coroutine/core.h"
#include "coroutine/map.h"
#include "coroutine/tell.h"

/* No stack pointer has this bit. */
#define IS_RESUMER (UINT64_C(1) << 63)
#define LINE_SHIFT 40
#define NUMBER_MASK ((UINT64_C(1) << LINE_SHIFT) - 1)

_Static_assert(LINE_SHIFT + CSA_MAP_LINE_BITS <= 63, "a slot's line and bits of its number");

void csa_unwound_note(struct cs_slot *slot, const struct cs_slot *from, uint64_t sp)
{
	slot->agents_own = (uint32_t)(sp >> 4);
	slot->agents_key = !from || !(from->flags & CS_SLOT_BODY)
	                           ? 0
	                           : IS_RESUMER | (uint64_t)csa_slot_line(from) << LINE_SHIFT |
	                                     (csa_slot_number(from) & NUMBER_MASK);
}

static struct cs_slot *resumer_of(const struct cs_slot *slot)
{
	uint64_t key = slot->agents_key;
	struct cs_slot *resumer;

	if (!(key & IS_RESUMER))
		return NULL;
	resumer = csa_slot_at((uint32_t)((key & ~IS_RESUMER) >> LINE_SHIFT));
	return (resumer->flags & CS_SLOT_BODY) &&
	                       (csa_slot_number(resumer) & NUMBER_MASK) == (key & NUMBER_MASK)
	               ? resumer
	               : NULL;
}

static bool holds(uint64_t low, uint64_t high, uint64_t address)
{
	return address - low < high - low;
}

static bool on_one_stack(struct csa_thread *thread, uint64_t sp, uint64_t other)
{
	const struct cs_slot *slot = csa_map_find(&csa_slot_map, sp);

	if (slot)
		return holds(slot->stack_low, slot->stack_high, other);
	return holds(thread->stack_low, thread->stack_high, sp) && csa_thread_self(other) &&
	       holds(thread->stack_low, thread->stack_high, other);
}

/* It was resumed and goes on, which is no other resume. */
static void goes_on(struct csa_thread *thread, struct cs_slot *slot)
{
	if (!csa_board->fast)
		csa_tell_switch(thread, NULL, slot, true);
	csa_switch_enter(slot, thread->tid, csa_switch_stamp(csa_board));
	atomic_store_explicit(&slot->turn, atomic_load(&slot->turn) - 0x100, memory_order_release);
}

void csa_unwound_check(struct csa_thread *thread, uint64_t sp)
{
	struct cs_slot *here = csa_here, *resumer;

	while (here && csa_unwound_maybe(here, sp) && here->tid == thread->tid &&
	       on_one_stack(thread, sp, sp - (uint64_t)csa_unwound_by(here, sp) * 16)) {
		resumer = resumer_of(here);
		csa_core_finish(thread, here, CS_CORO_END_LEFT);
		if (resumer)
			goes_on(thread, resumer);
		here = csa_here = resumer;
	}
}
