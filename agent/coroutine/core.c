/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who runs where. What adapters tell is believed only as far as the stack pointer agrees: a
 * switch that nobody told of (a function that returned into its uc_link, a longjmp, a switcher
 * of the program's own) is noticed at the next event, by the stack that it comes from.
 */
#include <string.h>

#include "core/emit.h"
#include "core/sys.h"
#include "coroutine/adapters.h"
#include "coroutine/board.h"
#include "coroutine/core.h"
#include "coroutine/coroutine.h"
#include "coroutine/found.h"
#include "coroutine/gccgo.h"
#include "coroutine/hooks.h"
#include "coroutine/link.h"
#include "coroutine/lua_library.h"
#include "coroutine/map.h"
#include "coroutine/region.h"
#include "coroutine/tell.h"
#include "coroutine/unwound.h"
#include "heap/hook.h"
#include "heap/sampler.h"

__thread struct cs_slot *csa_here;
__thread uint8_t csa_core_away;
/* fiber.c's, which would take a word of its own: a guest's thread-local storage is small. */
__thread bool csa_fiber_unlocked;
_Atomic uint32_t csa_coro_count;

static struct {
	bool events;
	_Atomic uint64_t numbers;
} coro;

uint64_t csa_core_number(void)
{
	return atomic_fetch_add(&coro.numbers, 1) + 1;
}

/* ---- ends ---- */

void csa_core_finish(struct csa_thread *thread, struct cs_slot *slot, enum cs_coro_end how)
{
	uint64_t number = slot->flags & CS_SLOT_THREAD ? 0 : atomic_exchange(&slot->number, 0);

	if (!number)
		return; /* somebody else was faster */
	if (how == CS_CORO_END_STACK_FREED || how == CS_CORO_END_REPLACED)
		how = csa_link_end(thread, slot, how);
	if ((atomic_load(&slot->turn) & 0xff) == CS_SLOT_RUNNING)
		csa_switch_leave(slot, csa_switch_stamp(csa_board));
	if (slot->stack_high) {
		csa_filter_remove((const void *)slot->stack_low);
		atomic_fetch_sub(&csa_coro_count, 1);
	}
	csa_tell_end(thread, slot, number, how);
	if (csa_here == slot)
		csa_here = NULL;
	csa_slots_give_back(slot);
}

/* ---- who runs ---- */

static struct cs_slot *own_slot(struct csa_thread *thread)
{
	struct cs_slot *slot = thread->slot;

	if (!slot) {
		slot = csa_slots_take();
		if (!slot)
			return NULL;
		slot->flags = CS_SLOT_THREAD;
		slot->created = csa_stamp();
		slot->since = csa_switch_stamp(csa_board);
		atomic_store(&slot->turn, CS_SLOT_RUNNING);
		slot->tid = thread->tid;
		thread->slot = slot;
		atomic_store(&slot->number, csa_core_number());
	}
	slot->stack_low = thread->stack_low;
	slot->stack_high = thread->stack_high;
	return slot;
}

/* SLOT ran here, and does not any more; TO does. */
static void left_unseen(struct csa_thread *thread, struct cs_slot *slot, const struct cs_slot *to,
                        uint64_t stamp)
{
	if (atomic_load(&slot->turn) % 256 != CS_SLOT_RUNNING || slot->tid != thread->tid)
		return;
	if (slot->flags & CS_SLOT_ENDING)
		csa_core_finish(thread, slot, CS_CORO_END_FINISHED);
	else
		csa_link_follow(thread, slot, to, stamp);
}

/* It turns out that TO runs on this thread. */
static void note_here(struct csa_thread *thread, struct cs_slot *to)
{
	uint64_t stamp = csa_switch_stamp(csa_board);
	struct cs_slot *from = csa_here != to ? csa_here : NULL;
	uint64_t number = csa_slot_number(from);

	if (from)
		left_unseen(thread, from, to, stamp);
	if (atomic_load(&to->turn) % 256 != CS_SLOT_RUNNING || to->tid != thread->tid) {
		bool ended = number && csa_slot_number(from) != number;

		if (coro.events)
			csa_tell_switch(thread, ended ? NULL : from, to, ended);
		csa_switch_enter(to, thread->tid, stamp);
	}
	if ((to->flags & (CS_SLOT_FOUND | CS_SLOT_FIBER)) == CS_SLOT_FOUND)
		to->agents_own = 0; /* who has come back may be another one: see where it ends */
	csa_here = to;
}

static bool on_own_stack(const struct csa_thread *thread, uint64_t sp)
{
	return sp - thread->stack_low < thread->stack_high - thread->stack_low;
}

static bool on_signal_stack(uint64_t sp)
{
	struct {
		uint64_t start;
		int flags;
		uint64_t bytes;
	} stack = {0};

	return csa_sys2(SYS_sigaltstack, NULL, &stack) == 0 && sp - stack.start < stack.bytes;
}

static void look_around(struct csa_thread *thread, uint64_t sp)
{
	struct cs_slot *slot;

	if (csa_core_away)
		return;
	slot = csa_map_find(&csa_slot_map, sp);
	if (!slot && on_own_stack(thread, sp))
		slot = own_slot(thread);
	if (!slot && on_signal_stack(sp))
		return; /* a handler: on behalf of whom it interrupted */
	if (!slot && csa_gccgo_on)
		return; /* a further piece of whose stack it was before */
	if (!slot)
		slot = csa_found(thread, sp);
	if (slot)
		note_here(thread, slot);
	else
		csa_here = NULL;
}

uint64_t csa_coro_now(struct csa_thread *thread, uint64_t sp)
{
	const struct cs_slot *here;

	if (!csa_board->slots &&
	    (on_own_stack(thread, sp) || on_signal_stack(sp) || !csa_board_ready()))
		return 0;
	if (csa_here && csa_unwound_maybe(csa_here, sp))
		csa_unwound_check(thread, sp);
	here = csa_here;
	/* One without a stack of its own runs on whatever stack there is. One that somebody else has
	 * declared dead may be another one now, and run elsewhere. */
	if (!here || !here->number || here->tid != thread->tid ||
	    (here->stack_high && !(here->flags & CS_SLOT_BODY) &&
	     sp - here->stack_low >= here->stack_high - here->stack_low))
		look_around(thread, sp);
	return csa_slot_number(csa_here);
}

/* ---- what adapters call ---- */

static uintptr_t present_sp(void)
{
	return (uintptr_t)__builtin_frame_address(0);
}

struct csa_work csa_core_begin(uint64_t sp)
{
	struct csa_work work = {NULL, true};

	if (!csa_agent_on() && !csa_agent_start())
		return work;
	if (!csa_board_wanted())
		return work;
	work = csa_work_begin(sp);
	if (work.thread && (work.nested || !csa_board_ready())) {
		struct csa_work nothing = {NULL, work.nested};

		csa_work_end(&work);
		return nothing;
	}
	return work;
}

void csa_core_end(const struct csa_work *work)
{
	if (work->thread)
		csa_work_end(work);
}

struct cs_slot *csa_coro_create(const struct csa_birth *birth)
{
	uint64_t sp = birth->at ? birth->at->sp : present_sp();
	struct csa_work work = csa_core_begin(sp);
	struct cs_slot *slot = NULL;

	if (work.thread) {
		csa_coro_now(work.thread, sp);
		slot = csa_coro_new(work.thread, birth);
	} else if (csa_agent_on() && csa_board_wanted()) {
		csa_count(CS_AGENT_CORO_REFUSED, 1);
	}
	csa_core_end(&work);
	return slot;
}

static struct cs_slot *target(struct csa_thread *thread, const struct csa_switch *how)
{
	uint32_t line =
		atomic_load_explicit(csa_recent(csa_board, how->to_key), memory_order_relaxed);
	struct cs_slot *slot = line ? csa_slot_at(line) : NULL;

	if (how->to || how->to_thread)
		return how->to ? how->to : own_slot(thread);
	if (slot && how->to_key && slot->agents_key == how->to_key && slot->number)
		return slot;
	slot = csa_map_find(&csa_slot_map, how->to_address);
	if (slot)
		return slot;
	if (on_own_stack(thread, how->to_address) ||
	    (csa_thread_self(how->to_address) && on_own_stack(thread, how->to_address)))
		return own_slot(thread);
	return csa_found_as(thread, how->to_address, how->runtime);
}

static void switch_to(struct csa_thread *thread, const struct csa_switch *how)
{
	struct cs_slot *from, *to;
	uint64_t stamp;

	csa_coro_now(thread, how->sp);
	from = csa_here;
	to = target(thread, how);
	if (to == from || !to) {
		csa_here = to;
		return;
	}
	stamp = csa_switch_stamp(csa_board);
	if (from) {
		from->context = how->from_context;
		from->context_kind = how->from_kind;
		csa_core_remember_key(from, how->from_key);
		csa_switch_leave(from, stamp);
		if (coro.events)
			csa_tell_switch(thread, from, to, how->from_ends);
	}
	csa_switch_enter(to, thread->tid, stamp);
	csa_here = to;
	if (from && how->from_ends)
		csa_core_finish(thread, from, how->from_ends);
}

void csa_coro_switch(const struct csa_switch *how)
{
	struct csa_work work = csa_core_begin(how->sp);

	if (work.thread)
		switch_to(work.thread, how);
	else
		csa_here = NULL;
	csa_core_end(&work);
}

void csa_coro_look(uint64_t sp)
{
	struct csa_work work = csa_core_begin(sp);

	if (work.thread)
		csa_coro_now(work.thread, sp);
	csa_core_end(&work);
}

void csa_coro_leave(uint64_t context, enum cs_slot_context kind)
{
	struct cs_slot *here = csa_here;

	if (!csa_board->slots || !here)
		return;
	if (here->flags & CS_SLOT_ENDING) {
		csa_coro_finish(here, CS_CORO_END_FINISHED);
		return;
	}
	here->context = context;
	here->context_kind = (uint8_t)kind;
	csa_switch_leave(here, csa_switch_stamp(csa_board));
	csa_here = NULL;
	if (!coro.events)
		return;
	struct csa_work work = csa_core_begin(present_sp());

	if (work.thread)
		csa_tell_switch(work.thread, here, NULL, false);
	csa_core_end(&work);
}

void csa_coro_ending(void)
{
	struct cs_slot *here = csa_here;

	if (csa_board->slots && csa_slot_is_coroutine(here))
		here->flags |= CS_SLOT_ENDING;
}

void csa_coro_finish(struct cs_slot *slot, enum cs_coro_end how)
{
	struct csa_work work = csa_core_begin(present_sp());

	if (work.thread && slot)
		csa_core_finish(work.thread, slot, how);
	csa_core_end(&work);
}

struct cs_slot *csa_coro_of(uint64_t address)
{
	return csa_board->slots ? csa_map_find(&csa_slot_map, address) : NULL;
}

/* ---- threads ---- */

void csa_coro_thread_begins(struct csa_thread *thread)
{
	thread->coro_told = 0;
	csa_here = NULL;
	if (thread->slot && csa_board->slots)
		csa_slots_give_back(thread->slot);
	thread->slot = NULL;
}

/*
 * Whoever runs when its thread ends does not come back: its frames have been unwound, unless it is
 * one of those whose switches nobody tells of.
 */
void csa_coro_thread_ends(struct csa_thread *thread)
{
	struct cs_slot *here = csa_here;
	uint64_t number;

	if (!csa_board->slots)
		return;
	csa_thread_self(present_sp()); /* which may never have been seen on its own stack */
	if (!here)
		csa_coro_now(thread, present_sp());
	here = csa_here;
	number = here && here->tid == thread->tid ? csa_slot_number(here) : 0;
	csa_coro_now(thread, present_sp()); /* it may have returned before */
	if (number && csa_here != here && (here->flags & CS_SLOT_FOUND))
		number = 0;
	csa_here = NULL;
	if (number && csa_slot_number(here) == number)
		csa_core_finish(thread, here, CS_CORO_END_LEFT);
	if (thread->slot)
		csa_slots_give_back(thread->slot);
	thread->slot = NULL;
}

/* ---- the part ---- */

static int start(void)
{
	csa_board_want(csa_agent.session->flags & CS_SESSION_SCHED);
	coro.events = (csa_agent.session->flags & CS_SESSION_SCHED_EVENTS) != 0;
	csa_adapters_find();
	if (csa_board_wanted())
		csa_region_start();
	csa_hooks_start();
	return 0;
}

void csa_coro_before_fork(void)
{
	if (csa_slots)
		csa_slots_fork_copy();
}

void csa_coro_after_fork(void)
{
	csa_slots_fork_drop();
}

/* What ran on another thread of the parent does not run here, and never will. */
static void forked(void)
{
	struct csa_thread *thread = csa_tls.thread;
	struct cs_slot *own = thread ? thread->slot : NULL;

	csa_lua_library_forked();
	if (!csa_board_forked())
		return;
	/* Beyond what was taken over. */
	if (own && csa_slot_index(own) >= csa_slots_used())
		own = thread->slot = NULL;
	if (csa_here && csa_slot_index(csa_here) >= csa_slots_used())
		csa_here = NULL;
	for (uint32_t i = 1; i < csa_slots_used(); i++) {
		struct cs_slot *slot = csa_slot_at(i * (uint32_t)CSA_SLOT_LINES);
		bool runs = atomic_load(&slot->turn) % 256 == CS_SLOT_RUNNING;

		if (!slot->number)
			continue;
		if (slot == own || slot == csa_here)
			slot->tid = (uint32_t)csa_sys0(SYS_gettid);
		else if (runs || (slot->flags & CS_SLOT_THREAD))
			csa_slots_give_back(slot);
		slot->flags |= CS_SLOT_INHERITED;
	}
	if (own && !own->number)
		thread->slot = NULL;
	if (csa_here && !csa_here->number)
		csa_here = NULL;
}

const struct csa_part csa_coroutine_part = {
	.start = start,
	.forked = forked,
	.loaded = csa_hooks_loaded,
};
