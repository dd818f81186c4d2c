/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program calls instead of Boost.Context. Each ends with a jump, so the context that
 * the real function saves is the program's own, and exceptions pass as they do without us.
 */
#include "coroutine/fcontext.h"
#include "coroutine/switch.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#define EXPORT __attribute__((visibility("default")))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* The address of the return address. */
#define ENTRY_SP() ((uint64_t)__builtin_dwarf_cfa() - 8)

EXPORT struct csa_transfer jump_fcontext(void *to, void *data)
{
	uint64_t sp = ENTRY_SP(), context = sp - csa_fcontext_bytes;

	if (UNLIKELY(
		    !csa_switch_fast(CS_SLOT_CONTEXT_FCONTEXT, context, context, (uint64_t)to, sp)))
		return csa_fcontext_jump(to, data, sp);
	return csa_fcontext_real.jump(to, data);
}

EXPORT struct csa_transfer ontop_fcontext(void *to, void *data, void *function)
{
	uint64_t sp = ENTRY_SP(), context = sp - csa_fcontext_bytes;
	const struct cs_slot *here = csa_here;

	/* What lies above the stack is how a coroutine ends. */
	if (UNLIKELY(
		    !here || !csa_board_fast() || (uint64_t)data - here->stack_high < 4096 ||
		    !csa_switch_fast(CS_SLOT_CONTEXT_FCONTEXT, context, context, (uint64_t)to, sp)))
		return csa_fcontext_ontop(to, data, function, sp);
	return csa_fcontext_real.ontop(to, data, function);
}

EXPORT void *make_fcontext(void *stack, size_t bytes, void *function)
{
	return csa_fcontext_make(stack, bytes, function);
}
