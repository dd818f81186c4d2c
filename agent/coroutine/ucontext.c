/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switches, and who may come back after it has left by setcontext, which saves nothing: therefore
 * a thread's last getcontext is remembered, and how deep a coroutine was when it made its first.
 */
#include "coroutine/ucontext.h"

#include "core/lookup.h"
#include "coroutine/adapters.h"
#include "coroutine/coroutine.h"
#include "coroutine/link.h"
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

	if (!found.swap || !found.set || !found.get || !found.make)
		return;
	csa_ucontext_real = found;
	csa_link_learn(found.make);
}

/* A getcontext of this thread, and who called it. The context may be gone since. */
struct saved {
	uint64_t number; /* a slot may be another's now */
	uint64_t context;
	uint64_t sp;        /* as it is in there */
	uint32_t own_depth; /* depth_of() who called it, before */
};

/* The last one, and the one before that: which counts again if the last was for makecontext. */
static __thread struct saved saved, saved_before __attribute__((tls_model("initial-exec")));

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

/* ---- who leaves by setcontext, and may come back ---- */

#define DEPTH_MAX ((1u << (32 - CSA_LINK_DEPTH_SHIFT)) - 1)

/* How far down its stack SP is. */
static uint32_t depth_at(const struct cs_slot *slot, uint64_t sp)
{
	uint64_t words = (slot->stack_high - sp) / 8;

	return words < DEPTH_MAX ? (uint32_t)words : DEPTH_MAX;
}

/* Of its outermost frame that has called getcontext, and has not returned since; 0: none has. */
static uint32_t depth_of(const struct cs_slot *slot)
{
	return slot->agents_own >> CSA_LINK_DEPTH_SHIFT;
}

static void set_depth(struct cs_slot *slot, uint32_t depth)
{
	slot->agents_own = (slot->agents_own & CSA_LINK_ARGUMENTS) | depth << CSA_LINK_DEPTH_SHIFT;
}

/*
 * Whoever leaves at SP comes back if a frame of its own that has called getcontext is still there;
 * else that was its end. Of those that are not makecontext's own, the last call alone is known.
 */
static bool comes_back(const struct cs_slot *here, uint64_t sp)
{
	if (!(here->flags & CS_SLOT_MADE))
		return saved.number && saved.number == number_of(here);
	return depth_of(here) && depth_of(here) <= depth_at(here, sp + 8);
}

void csa_ucontext_set(const ucontext_t *to, uint64_t sp)
{
	struct cs_slot *here = csa_link_present(sp);
	struct csa_switch how = {
		.runtime = "ucontext",
		.sp = sp,
		.to_key = sp_of(to),
		.to_address = sp_of(to),
	};

	if (here && !comes_back(here, sp)) {
		how.from_ends = CS_CORO_END_FINISHED;
	} else if (here && saved.number == number_of(here) && saved.sp >= sp + 8) {
		how.from_context = saved.context;
		how.from_key = saved.sp;
		how.from_kind = CS_SLOT_CONTEXT_UCONTEXT;
	}
	csa_coro_switch(&how);
	note_link(to);
}

void csa_ucontext_get(ucontext_t *context, uint64_t sp)
{
	struct cs_slot *here = csa_link_present(sp);

	if (!here || !csa_coro_is_here(sp))
		return;
	saved_before = saved;
	saved.number = number_of(here);
	saved.context = (uint64_t)context;
	saved.sp = sp + 8;
	if (!(here->flags & CS_SLOT_MADE))
		return;
	uint32_t depth = depth_at(here, sp + 8);

	saved.own_depth = depth_of(here);
	/* A frame that was farther down has returned. */
	if (!saved.own_depth || saved.own_depth > depth)
		set_depth(here, depth);
}

/* The getcontext before was for the new one, not for who called it. */
static void forget_saved(const ucontext_t *context)
{
	struct cs_slot *here = csa_board->slots ? csa_here : NULL;

	if (saved.context != (uint64_t)context)
		return;
	if (here && saved.number == number_of(here) && (here->flags & CS_SLOT_MADE))
		set_depth(here, saved.own_depth);
	saved = saved_before;
	saved_before.number = 0;
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
		.key = csa_link_first_sp(high, argc),
		.context_kind = CS_SLOT_CONTEXT_UCONTEXT,
		.flags = context->uc_link ? CS_SLOT_LINKED : 0,
		.at = at,
	};
	struct csa_ucontext_maker *maker = csa_ucontext_maker;
	struct cs_slot *slot;

	if (!maker) {
		birth.flags |= CS_SLOT_MADE;
	} else {
		birth.runtime = maker->runtime;
		birth.entry = maker->entry;
		birth.at = &maker->at;
		birth.flags |= maker->flags;
		maker->context = (uint64_t)context;
		csa_ucontext_maker = NULL;
	}
	forget_saved(context);
	slot = csa_coro_create(&birth);
	if (slot && !maker)
		csa_link_made(slot, argc);
}
