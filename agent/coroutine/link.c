/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a function that makecontext was given returns, it does so into glibc's __start_context,
 * whose address lies where its stack begins (after its arguments, if some are on the stack). That
 * takes the linked context, which lies above, and calls setcontext: so the word below the link
 * is, from then on, an address within __start_context but not its first. Nothing else puts such
 * a word there, and it stays until the stack is used again.
 *
 * These words, and contexts, are read through the kernel: who has returned may be gone, with its
 * stack, in a way that nobody has seen.
 */
#include "coroutine/link.h"

#include <stdatomic.h>
#include <ucontext.h>

#include "core/sys.h"
#include "coroutine/core.h"
#include "coroutine/map.h"
#include "coroutine/tell.h"

/* No part of __start_context is farther from its beginning. */
#define START_BYTES 64u

/* A chain of coroutines of which none has been seen can't be longer; whoever is left over waits. */
#define CHAIN_MAX 4096

#define STACK_WORDS 64

static uint64_t start_context; /* 0: nothing is known */

uint64_t csa_link_first_sp(uint64_t top, int argc)
{
	uint64_t words = (argc > 6 ? (uint64_t)argc - 6 : 0) + 1;

	return ((top - words * 8) & ~UINT64_C(15)) - 8;
}

/* Behind the return address and the arguments. */
static uint64_t link_place(uint64_t top, int argc)
{
	return csa_link_first_sp(top, argc) + ((argc > 6 ? (uint64_t)argc - 6 : 0) + 1) * 8;
}

/* ---- learning ---- */

static bool has_shadow_stack(void)
{
	uint64_t features;

	__asm__("movq %%fs:0x48, %0" : "=r"(features));
	return features & 2;
}

static void nothing(void)
{
}

/* What is expected where, with ARGC arguments; the address of __start_context or 0. */
static uint64_t try_out(void *make, int argc)
{
	void (*makes)(ucontext_t *, void (*)(void), int, ...) =
		(void (*)(ucontext_t *, void (*)(void), int, ...))make;
	static uint64_t stack[STACK_WORDS];
	static ucontext_t context;
	uint64_t top = (uint64_t)&stack[STACK_WORDS], sp = csa_link_first_sp(top, argc);
	const greg_t *registers = context.uc_mcontext.gregs;
	const uint64_t *place;

	context.uc_stack.ss_sp = stack;
	context.uc_stack.ss_size = sizeof(stack);
	context.uc_link = &context;
	makes(&context, nothing, argc, 0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L);
	place = (const uint64_t *)link_place(top, argc);
	if ((uint64_t)registers[REG_RSP] != sp || (uint64_t)registers[REG_RBX] != (uint64_t)place ||
	    *place != (uint64_t)&context)
		return 0;
	return *(const uint64_t *)sp;
}

void csa_link_learn(void *make)
{
	uint64_t few, many;

	if (start_context || has_shadow_stack())
		return;
	few = try_out(make, 0);
	many = try_out(make, 8);
	if (few == many)
		start_context = few;
}

/* ---- reading ---- */

void csa_link_made(struct cs_slot *slot, int argc)
{
	uint32_t words = argc > 6 ? (uint32_t)argc - 5 : 1;

	if (start_context && words <= CSA_LINK_ARGUMENTS)
		slot->agents_own = (slot->agents_own & ~CSA_LINK_ARGUMENTS) | words;
}

/* TID is any thread of the process: to ask which one it is would be a call more. */
static bool copy(uint32_t tid, uint64_t address, void *to, size_t bytes)
{
	struct {
		uint64_t base, bytes;
	} here = {(uint64_t)to, bytes}, there = {address, bytes};

	return csa_sys6(SYS_process_vm_readv, tid, (long)&here, 1, (long)&there, 1, 0) ==
	       (long)bytes;
}

enum fate {
	UNREADABLE,
	GOES_ON,
	RETURNED,
};

/* RETURNED: into *LINK. */
static enum fate fate_of(uint32_t tid, const struct cs_slot *slot, uint64_t *link)
{
	uint32_t words = slot->flags & CS_SLOT_MADE ? slot->agents_own & CSA_LINK_ARGUMENTS : 0;
	uint64_t place[2] = {0};

	if (!words ||
	    !copy(tid, link_place(slot->stack_high, (int)words + 5) - 8, place, sizeof(place)))
		return UNREADABLE;
	*link = place[1];
	return place[0] - start_context - 1 < START_BYTES ? RETURNED : GOES_ON;
}

enum cs_coro_end csa_link_end(const struct csa_thread *thread, const struct cs_slot *slot,
                              enum cs_coro_end how)
{
	uint64_t link = 0;

	/* One that waits somewhere has not returned. */
	if (!(slot->flags & CS_SLOT_LINKED) || !(atomic_load(&slot->turn) >> 8) ||
	    ((atomic_load(&slot->turn) & 0xff) != CS_SLOT_RUNNING && slot->context_kind))
		return how;
	return fate_of(thread->tid, slot, &link) == RETURNED ? CS_CORO_END_FINISHED : how;
}

static bool waits_in(const struct cs_slot *slot, uint64_t context)
{
	return context && slot->context_kind == CS_SLOT_CONTEXT_UCONTEXT &&
	       slot->context == context;
}

/* Who went on in CONTEXT, where somebody returned into; NULL: it can't be told. */
static struct cs_slot *went_on(uint32_t tid, uint64_t context)
{
	uint64_t sp = 0, link = 0;
	struct cs_slot *slot;

	if (!context ||
	    !copy(tid, context + offsetof(ucontext_t, uc_mcontext.gregs[REG_RSP]), &sp, 8))
		return NULL;
	slot = csa_map_find(&csa_slot_map, sp);
	if (!slot || atomic_load(&slot->turn) % 256 == CS_SLOT_RUNNING)
		return NULL;
	/* The context may be somebody else's by now. */
	return waits_in(slot, context) || fate_of(tid, slot, &link) == RETURNED ? slot : NULL;
}

static void left(struct cs_slot *slot, uint64_t stamp)
{
	slot->context = slot->agents_key = 0;
	slot->context_kind = CS_SLOT_CONTEXT_NONE;
	csa_switch_leave(slot, stamp);
}

void csa_link_follow(struct csa_thread *thread, struct cs_slot *slot, const struct cs_slot *to,
                     uint64_t stamp)
{
	for (int i = 0; i < CHAIN_MAX; i++) {
		uint64_t link = 0, number = csa_slot_number(slot);
		enum fate fate = fate_of(thread->tid, slot, &link);
		struct cs_slot *next;

		if (csa_slot_number(slot) != number)
			return; /* it has gone meanwhile */
		/* While it runs, its context is where it would go. */
		if (fate == UNREADABLE && (slot->flags & CS_SLOT_LINKED) &&
		    waits_in(to, slot->context)) {
			fate = RETURNED;
			link = slot->context;
		}
		if (fate != RETURNED) {
			left(slot, stamp);
			return;
		}
		csa_core_finish(thread, slot, CS_CORO_END_FINISHED);
		next = waits_in(to, link) ? NULL : went_on(thread->tid, link);
		if (!next || next == to)
			return;
		if (!csa_board->fast)
			csa_tell_switch(thread, NULL, next, true);
		csa_switch_enter(next, thread->tid, stamp);
		slot = next;
	}
	left(slot, stamp);
}
