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

EXPORT int swapcontext(ucontext_t *from, const ucontext_t *to)
{
	uint64_t sp = ENTRY_SP();

	if (UNLIKELY(!csa_switch_fast(CS_SLOT_CONTEXT_UCONTEXT, (uint64_t)from, sp + 8,
	                              (uint64_t)to->uc_mcontext.gregs[REG_RSP], sp)))
		return csa_ucontext_swap(from, to, sp);
	if (csa_here->flags & CS_SLOT_LINKED)
		csa_here->context = (uint64_t)to->uc_link;
	return csa_ucontext_real.swap(from, to);
}

EXPORT int setcontext(const ucontext_t *to)
{
	csa_ucontext_set(to, ENTRY_SP());
	return csa_ucontext_real.set(to);
}
