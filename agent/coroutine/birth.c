/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a coroutine gets its slot, and whom its stack takes the memory from. Stacks may lie within
 * one another: who runs is then the innermost one. Whoever is left waiting on memory that has been
 * given to others has ended, as far as that can be told; else it waits until the memory is freed.
 */
#include "core/emit.h"
#include "coroutine/board.h"
#include "coroutine/core.h"
#include "coroutine/found.h"
#include "coroutine/link.h"
#include "coroutine/map.h"
#include "coroutine/region.h"
#include "coroutine/tell.h"
#include "heap/sampler.h"

/* Where a stack begins there is what its outermost function returns into. */
#define OUTERMOST_BYTES 16

/*
 * Whether SLOT may go on when [low, high), which lies within its stack, is the stack of another
 * one: that is on a frame of its own, or where it has no frames.
 */
static bool outlives(struct csa_thread *thread, const struct cs_slot *slot, uint64_t low,
                     uint64_t high)
{
	uint64_t sp = slot->agents_key;

	if (low < slot->stack_low || high > slot->stack_high - OUTERMOST_BYTES)
		return false;
	if (slot == csa_here)
		return true;
	if (csa_link_end(thread, slot, CS_CORO_END_REPLACED) == CS_CORO_END_FINISHED)
		return false;
	/* That of one that runs, or was left unseen, is not known. */
	if (atomic_load(&slot->turn) % 256 == CS_SLOT_RUNNING || sp < slot->stack_low ||
	    sp >= slot->stack_high)
		return true;
	return high <= sp || low >= sp;
}

/* Those whose stack ADDRESS is on, at an end of the new one, are around it or have ended. */
static void end_around(struct csa_thread *thread, uint64_t address, uint64_t low, uint64_t high)
{
	for (int tries = 0; tries < 16; tries++) {
		struct cs_slot *slot = csa_map_find(&csa_slot_map, address);

		/* So large that its own end is out of reach. */
		if (!slot && high - low >= CSA_MAP_REACH)
			slot = csa_map_find_low(&csa_slot_map, low);
		if (!slot)
			return;
		if (outlives(thread, slot, low, high)) {
			atomic_store(&csa_slot_map.nested, true);
			return;
		}
		csa_core_finish(thread, slot, CS_CORO_END_REPLACED);
	}
}

/* Whose stack is known does not end because somebody is FOUND around it. */
static void take_memory(struct csa_thread *thread, uint64_t low, uint64_t high, bool found)
{
	struct cs_slot *slot;
	uint64_t cursor = 0;

	while (!found && (slot = csa_map_next_within(&csa_slot_map, low, high, &cursor)))
		csa_core_finish(thread, slot, CS_CORO_END_REPLACED);
	end_around(thread, low, low, high);
	end_around(thread, high - 1, low, high);
}

/*
 * A part of a larger block is freed by another address than its own: what that block's site asks
 * for must be followed, however much it is. Sites recur, so one in so many is looked at.
 */
#define ASKED_OF 16

static void look_where_it_is(uint64_t low)
{
	const struct csa_region *region = csa_region_find(low);

	if (region && region->low != low)
		csa_region_is_stack(region);
}

struct cs_slot *csa_coro_new(struct csa_thread *thread, const struct csa_birth *birth)
{
	bool has_stack = birth->low < birth->high && !(birth->high >> 47);
	struct cs_slot *slot;
	uint64_t number;

	if (has_stack)
		take_memory(thread, birth->low, birth->high, birth->flags & CS_SLOT_FOUND);
	slot = csa_slots_take();
	if (!slot) {
		csa_count(CS_AGENT_CORO_REFUSED, 1);
		return NULL;
	}
	csa_board_grow(csa_slots_used());
	slot->context = birth->context;
	slot->context_kind = birth->context_kind;
	slot->created = csa_stamp();
	slot->since = csa_switch_stamp(csa_board);
	if (has_stack) {
		slot->stack_low = birth->low;
		slot->stack_high = birth->high;
	}
	slot->entry = birth->entry;
	slot->flags = birth->flags;
	slot->runtime = csa_slots_text(birth->runtime);
	slot->parent = csa_slot_number(csa_here);
	slot->spawn = birth->at ? csa_stack_name(thread, birth->at) : birth->spawn;
	atomic_store(&slot->turn, CS_SLOT_NEW);
	number = csa_core_number();
	csa_tell_birth(thread, slot, number);
	atomic_store_explicit(&slot->number, number, memory_order_release);
	if (has_stack) {
		csa_map_add(&csa_slot_map, slot);
		csa_filter_add((const void *)slot->stack_low);
		atomic_fetch_add(&csa_coro_count, 1);
		if (number % ASKED_OF == 1)
			look_where_it_is(birth->low);
	}
	csa_core_remember_key(slot, birth->key);
	return slot;
}
