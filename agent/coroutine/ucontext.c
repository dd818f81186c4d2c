/* SPDX-License-Identifier: Apache-2.0 */
#include "coroutine/ucontext.h"

#include "core/lookup.h"
#include "coroutine/adapters.h"
#include "coroutine/coroutine.h"
#include "coroutine/switch.h"

/* libc is never loaded late: it is enough to look once. */
static int boot_swap(ucontext_t *from, const ucontext_t *to, uint64_t rdx, uint64_t rcx,
                     uint64_t mark, struct cs_slot *slot)
{
	csa_ucontext_find();
	return csa_ucontext_real.swap(from, to, rdx, rcx, mark, slot);
}

static int boot_set(const ucontext_t *to)
{
	csa_ucontext_find();
	return csa_ucontext_real.set(to);
}

static int boot_get(ucontext_t *context)
{
	csa_ucontext_find();
	return csa_ucontext_real.get(context);
}

struct csa_ucontext_real csa_ucontext_real = {boot_swap, boot_set, boot_get, NULL};

void csa_ucontext_find(void)
{
	struct csa_ucontext_real found = {
		.swap = csa_lookup_next("swapcontext"),
		.set = csa_lookup_next("setcontext"),
		.get = csa_lookup_next("getcontext"),
		.make = csa_lookup_next("makecontext"),
	};

	if (found.swap && found.set && found.get && found.make)
		csa_ucontext_real = found;
}

/* The last getcontext of this thread, and who called it. The context may be gone since. */
static __thread struct {
	uint64_t number; /* a slot may be another's now */
	uint64_t context;
	uint64_t sp; /* as it is in there */
} saved __attribute__((tls_model("initial-exec")));

static uint64_t number_of(const struct cs_slot *slot)
{
	return atomic_load_explicit(&slot->number, memory_order_relaxed);
}

static uint64_t sp_of(const ucontext_t *context)
{
	return (uint64_t)context->uc_mcontext.gregs[REG_RSP];
}

/* What is kept while it runs: where it goes when its function returns. */
static void note_link(const ucontext_t *to)
{
	struct cs_slot *here = csa_here;

	if (here && csa_board->slots && (here->flags & CS_SLOT_LINKED))
		here->context = (uint64_t)to->uc_link;
}

/* Not inlined: what is on our frame must not be where somebody else may look after the jump. */
__attribute__((noinline)) static void swap_slowly(const ucontext_t *from, const ucontext_t *to,
                                                  uint64_t sp)
{
	struct csa_switch how = {
		.runtime = "ucontext",
		.sp = sp,
		.from_context = (uint64_t)from,
		.from_key = sp + 8,
		.from_kind = CS_SLOT_CONTEXT_UCONTEXT,
		.to_key = sp_of(to),
		.to_address = sp_of(to),
	};

	csa_coro_switch(&how);
}

int csa_ucontext_swap(ucontext_t *from, const ucontext_t *to, uint64_t sp)
{
	struct cs_slot *slot = csa_here;
	uint64_t mark = 0;

	if (csa_switch_fast(CS_SLOT_CONTEXT_UCONTEXT, (uint64_t)from, sp + 8, sp_of(to), sp)) {
		mark = csa_board->mark;
	} else {
		swap_slowly(from, to, sp);
		slot = NULL;
	}
	note_link(to);
	return csa_ucontext_real.swap(from, to, 0, 0, mark, slot);
}

/*
 * Whoever leaves by setcontext comes back if it has called getcontext before; else that was
 * its end.
 */
void csa_ucontext_set(const ucontext_t *to, uint64_t sp)
{
	struct cs_slot *here = csa_board->slots ? csa_here : NULL;
	struct csa_switch how = {
		.runtime = "ucontext",
		.sp = sp,
		.to_key = sp_of(to),
		.to_address = sp_of(to),
	};

	if (here && saved.number && saved.number == number_of(here)) {
		how.from_context = saved.context;
		how.from_key = saved.sp;
		how.from_kind = CS_SLOT_CONTEXT_UCONTEXT;
	} else if (here) {
		how.from_ends = CS_CORO_END_FINISHED;
	}
	csa_coro_switch(&how);
	note_link(to);
}

void csa_ucontext_get(ucontext_t *context, uint64_t sp)
{
	struct cs_slot *here = csa_board->slots ? csa_here : NULL;

	if (!here || sp - here->stack_low >= here->stack_high - here->stack_low)
		return;
	saved.number = number_of(here);
	saved.context = (uint64_t)context;
	saved.sp = sp + 8;
}

/* Where the new context's stack pointer will be: the return address, and what does not fit
 * into registers. */
static uint64_t first_sp(uint64_t top, int argc)
{
	return ((top - ((argc > 6 ? (uint64_t)argc - 6 : 0) + 1) * 8) & ~UINT64_C(15)) - 8;
}

__thread struct csa_ucontext_maker *csa_ucontext_maker;

/* Called by entry_ucontext.S before the real one. */
void csa_ucontext_make(ucontext_t *context, void *function, int argc, const struct csa_frame *at)
{
	uint64_t low = (uint64_t)context->uc_stack.ss_sp, high = low + context->uc_stack.ss_size;
	struct csa_birth birth = {
		.runtime = "ucontext",
		.low = low,
		.high = high,
		.entry = (uint64_t)function,
		.context = (uint64_t)context,
		.key = first_sp(high, argc),
		.context_kind = CS_SLOT_CONTEXT_UCONTEXT,
		.flags = context->uc_link ? CS_SLOT_LINKED : 0,
		.at = at,
	};

	struct csa_ucontext_maker *maker = csa_ucontext_maker;

	if (maker) {
		birth.runtime = maker->runtime;
		birth.entry = maker->entry;
		birth.at = &maker->at;
		birth.flags |= maker->flags;
		maker->context = (uint64_t)context;
		csa_ucontext_maker = NULL;
	}
	/* The getcontext before was for this one, not for who called it. */
	if (saved.context == (uint64_t)context)
		saved.number = 0;
	csa_coro_create(&birth);
}
