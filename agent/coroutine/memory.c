/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that comes and goes, as far as it may hold stacks: what is asked for is remembered
 * with its origin, what goes takes its coroutines along.
 */
#include "coroutine/core.h"
#include "coroutine/coroutine.h"
#include "coroutine/map.h"
#include "coroutine/region.h"

#define PAGE 4096

void csa_coro_memory_new(uint64_t low, uint64_t bytes, const struct csa_frame *at)
{
	if (!csa_agent_on() || !csa_region_wanted(at->pc, bytes))
		return;
	struct csa_work work = csa_work_begin(at->sp);

	if (work.thread && !work.nested) {
		csa_coro_now(work.thread, at->sp);
		csa_region_add(low, bytes, csa_stack_name(work.thread, at), at->pc);
	}
	csa_work_end(&work);
}

/* Stacks that lie in there, behind what their runtimes keep of them. */
static void end_inner(struct csa_thread *thread, uint64_t low, uint64_t high)
{
	struct cs_slot *slot;
	uint64_t cursor = 0;

	while ((slot = csa_map_next_within(&csa_slot_map, low, high, &cursor)))
		csa_core_finish(thread, slot, CS_CORO_END_STACK_FREED);
}

void csa_coro_block_gone(const void *block)
{
	struct cs_slot *slot = csa_map_find_low(&csa_slot_map, (uint64_t)block);
	struct csa_region *region = csa_region_find_low((uint64_t)block);
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
	uint64_t high = region ? region->high : 0, cursor = 0;

	if (region)
		csa_region_end(region);
	if (!slot && !csa_map_next_within(&csa_slot_map, (uint64_t)block, high, &cursor))
		return;
	struct csa_work work = csa_core_begin(sp);

	if (work.thread) {
		csa_coro_now(work.thread, sp);
		/* The look around may have ended it; and some may begin where it does. */
		while ((slot = csa_map_find_low(&csa_slot_map, (uint64_t)block)))
			csa_core_finish(work.thread, slot, CS_CORO_END_STACK_FREED);
		end_inner(work.thread, (uint64_t)block, high);
	}
	csa_core_end(&work);
}

static void end_within(struct csa_thread *thread, uint64_t low, uint64_t bytes)
{
	uint32_t used = csa_slots_used();

	if (bytes / PAGE <= used) {
		for (uint64_t at = low; at - low < bytes; at += PAGE) {
			struct cs_slot *slot = csa_map_find_low(&csa_slot_map, at);

			if (slot)
				csa_core_finish(thread, slot, CS_CORO_END_STACK_FREED);
		}
		end_inner(thread, low, low + bytes);
		return;
	}
	for (uint32_t i = 1; i < used; i++) {
		struct cs_slot *slot = csa_slot_at(i * (uint32_t)CSA_SLOT_LINES);

		if (slot->number && slot->stack_high && slot->stack_low - low < bytes)
			csa_core_finish(thread, slot, CS_CORO_END_STACK_FREED);
	}
}

void csa_coro_memory_gone(uint64_t low, uint64_t bytes)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);

	csa_region_cut(low, bytes);
	if (!csa_board->slots)
		return;
	struct csa_work work = csa_core_begin(sp);

	if (work.thread) {
		csa_coro_now(work.thread, sp);
		end_within(work.thread, low, bytes);
	}
	csa_core_end(&work);
}
