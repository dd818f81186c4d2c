/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program calls instead of swapcontext and setcontext: each ends with a jump, so what
 * libc saves is the program's own. The other two are in assembly, see entry_makecontext.S.
 */
#include "coroutine/switch.h"
#include "coroutine/ucontext.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#define EXPORT __attribute__((visibility("default")))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define ENTRY_SP() ((uint64_t)__builtin_dwarf_cfa() - 8)

/* The slot that was kept in CONTEXT, if it is one of ours. */
static inline struct cs_slot *kept(const ucontext_t *context)
{
	return (struct cs_slot *)context->uc_mcontext.gregs[REG_R9];
}

/*
 * Whether SLOT, of which no more is known than that FROM had it, is the thread's. The compiler
 * must not see that they are equal then: what follows would wait for csa_here.
 */
static inline bool is_here(struct cs_slot *const *here, const struct cs_slot *slot)
{
	bool same;

	__asm__("cmp %2, %1" : "=@cce"(same) : "m"(*here), "r"(slot));
	return same;
}

/*
 * csa_switch_fast() for contexts that both have been left before: two loads that need each
 * other instead of five. A system call follows, so the state is a store of its own byte: when
 * the whole word is read again, it has long been written.
 */
__attribute__((always_inline)) static inline bool swap_kept(ucontext_t *from, const ucontext_t *to,
                                                            uint64_t sp, uint64_t mark,
                                                            struct cs_slot *slot, bool counted)
{
	const greg_t *registers = to->uc_mcontext.gregs;
	/* First, because of what follows it takes longest. */
	uint64_t stamp = counted ? atomic_load_explicit(csa_board->present, memory_order_relaxed)
	                         : csa_stamp();
	struct cs_slot **here = csa_here_place(), *next = kept(to);

	if (UNLIKELY(!is_here(here, slot) || !slot) ||
	    UNLIKELY((uint64_t)registers[REG_R8] != mark) ||
	    UNLIKELY(next->agents_key != (uint64_t)registers[REG_RSP] || next == slot) ||
	    UNLIKELY(sp < slot->stack_low) || UNLIKELY(sp >= slot->stack_high))
		return false;
	uint64_t turn = atomic_load_explicit(&next->turn, memory_order_relaxed);
	void (*spend)(struct cs_slot *, uint64_t *, uint64_t) = counted ? csa_switch_present
	                                                                : csa_switch_time;

	slot->context = (uint64_t)from;
	slot->agents_key = sp + 8;
	slot->context_kind = CS_SLOT_CONTEXT_UCONTEXT;
	spend(slot, &slot->run_ticks, stamp);
	__atomic_store_n((uint8_t *)&slot->turn, (uint8_t)(CS_SLOT_WAITING ^ slot->agents_woken),
	                 __ATOMIC_RELEASE);
	atomic_store_explicit(&next->turn, (turn & ~UINT64_C(0xff)) + 0x100 + CS_SLOT_RUNNING,
	                      memory_order_release);
	spend(next, &next->wait_ticks, stamp);
	csa_switch_runner(next, slot->tid);
	if (next->flags & CS_SLOT_LINKED)
		next->context = (uint64_t)to->uc_link;
	*here = next;
	return true;
}

__attribute__((always_inline)) static inline int jump(ucontext_t *from, const ucontext_t *to,
                                                      uint64_t mark, struct cs_slot *slot)
{
	uint64_t rdx, rcx;

	__asm__("" : "=d"(rdx), "=c"(rcx)); /* whatever is in them */
	return csa_ucontext_real.swap(from, to, rdx, rcx, mark, slot);
}

/* Where switches are timed, or nothing is on. */
__attribute__((noinline)) static int swap_timed(ucontext_t *from, const ucontext_t *to, uint64_t sp)
{
	uint64_t mark = __atomic_load_n(&csa_board->mark, __ATOMIC_ACQUIRE);
	struct cs_slot *slot = kept(from);

	if (UNLIKELY(!mark || !swap_kept(from, to, sp, mark, slot, false)))
		return csa_ucontext_swap(from, to, sp);
	return jump(from, to, mark, slot);
}

EXPORT __attribute__((aligned(64))) int swapcontext(ucontext_t *from, const ucontext_t *to)
{
	uint64_t sp = ENTRY_SP();
	uint64_t mark = __atomic_load_n(&csa_board->mark_counted, __ATOMIC_ACQUIRE);
	struct cs_slot *slot = kept(from);

	if (UNLIKELY(!mark))
		return swap_timed(from, to, sp);
	if (UNLIKELY(!swap_kept(from, to, sp, mark, slot, true)))
		return csa_ucontext_swap(from, to, sp);
	return jump(from, to, mark, slot);
}

EXPORT int setcontext(const ucontext_t *to)
{
	csa_ucontext_set(to, ENTRY_SP());
	return csa_ucontext_real.set(to);
}
