/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told of a coroutine between its switches: why it will wait, that it need not wait any
 * longer, what it is and what it is called.
 */
#include "coroutine/core.h"
#include "coroutine/coroutine.h"
#include "coroutine/tell.h"
#include "heap/hook.h"

#define CSA_PRESENT_SP() ((uintptr_t)__builtin_frame_address(0))

void csa_coro_park(const char *reason)
{
	struct cs_slot *here = csa_here;

	if (csa_board->slots && csa_slot_is_coroutine(here))
		here->reason = csa_slots_text(reason);
}

void csa_coro_park_for(struct csa_reason *reason)
{
	struct cs_slot *here = csa_here;
	uint32_t id = atomic_load_explicit(&reason->id, memory_order_relaxed);

	if (!csa_board->slots || !csa_slot_is_coroutine(here))
		return;
	if (!id) {
		id = csa_slots_text(reason->text);
		atomic_store_explicit(&reason->id, id, memory_order_relaxed);
	}
	here->agents_woken = 0; /* that was for what it has not waited for */
	here->reason = (uint16_t)id;
}

void csa_coro_turns_out(struct cs_slot *slot, uint16_t flags)
{
	struct csa_work work = csa_core_begin(CSA_PRESENT_SP());

	if (work.thread && csa_slot_is_coroutine(slot)) {
		slot->flags |= flags;
		csa_tell_birth(work.thread, slot, csa_slot_number(slot));
	}
	csa_core_end(&work);
}

/* True: it waited until now. */
static bool wakes(struct cs_slot *slot)
{
	uint64_t turn = atomic_load(&slot->turn);

	if ((turn & 0xff) == CS_SLOT_RUNNING) { /* it is about to leave, which tells of it */
		slot->agents_woken = CSA_WOKEN;
		slot->reason = 0;
	}
	if ((turn & 0xff) != CS_SLOT_WAITING ||
	    !atomic_compare_exchange_strong(&slot->turn, &turn,
	                                    turn - CS_SLOT_WAITING + CS_SLOT_RUNNABLE))
		return false;
	csa_switch_time(slot, &slot->wait_ticks, csa_switch_stamp(csa_board));
	return true;
}

void csa_coro_wake(struct cs_slot *slot)
{
	if (!csa_board->slots || !csa_slot_is_coroutine(slot) || !wakes(slot) || csa_board->fast)
		return;
	struct csa_work work = csa_core_begin(CSA_PRESENT_SP());

	if (work.thread)
		csa_tell_number(work.thread, CS_RECORD_CORO_WAKE, csa_slot_number(slot));
	csa_core_end(&work);
}

void csa_coro_name(struct cs_slot *slot, const char *name, const char *labels)
{
	struct csa_work work = csa_core_begin(CSA_PRESENT_SP());

	if (work.thread && csa_slot_is_coroutine(slot)) {
		csa_slots_set_text(slot, name, labels);
		csa_tell_text(work.thread, slot);
	}
	csa_core_end(&work);
}
