/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A switch takes the fast way where both contexts are known. Until the library has been found,
 * calls go through functions that look for it: a program may load it late, or call it before main.
 */
#include "coroutine/fcontext.h"

#include "coroutine/adapters.h"
#include "coroutine/board.h"
#include "coroutine/coroutine.h"
#include "heap/hook.h"

#define RUNTIME "boost-context"

/*
 * boost::context::fiber and callcc keep a record above the stack that they hand to
 * make_fcontext, this far away. Only when its function has returned is it given to
 * ontop_fcontext, to be destroyed with the stack.
 */
#define RECORD_GAP 64u

uint32_t csa_fcontext_bytes = 0x38;

#define CALLER() ((uintptr_t)__builtin_return_address(0))

static struct csa_transfer boot_jump(void *to, void *data)
{
	struct csa_transfer (*jump)(void *, void *) = csa_real_or_none("jump_fcontext", CALLER());

	return jump(to, data);
}

static struct csa_transfer boot_ontop(void *to, void *data, void *function)
{
	struct csa_transfer (*ontop)(void *, void *, void *) =
		csa_real_or_none("ontop_fcontext", CALLER());

	return ontop(to, data, function);
}

static void *boot_make(void *stack, size_t bytes, void *function)
{
	void *(*make)(void *, size_t, void *) = csa_real_or_none("make_fcontext", CALLER());

	return make(stack, bytes, function);
}

struct csa_fcontext_real csa_fcontext_real = {boot_jump, boot_ontop, boot_make};

static const struct csa_real_function functions[] = {
	{"jump_fcontext", (void **)&csa_fcontext_real.jump, boot_jump},
	{"ontop_fcontext", (void **)&csa_fcontext_real.ontop, boot_ontop},
	{"make_fcontext", (void **)&csa_fcontext_real.make, boot_make},
};

void csa_fcontext_find(void)
{
	csa_real_pin(functions, sizeof(functions) / sizeof(*functions));
}

/* Not inlined: who uses it ends with a jump, with nothing of its own left on the stack. */
__attribute__((noinline)) static void switched(void *to, uint64_t sp, enum cs_coro_end ends)
{
	uint64_t context = sp - csa_fcontext_bytes;
	struct csa_switch how = {
		.runtime = RUNTIME,
		.sp = sp,
		.from_context = context,
		.from_key = context,
		.from_kind = CS_SLOT_CONTEXT_FCONTEXT,
		.to_key = (uint64_t)to,
		.to_address = (uint64_t)to,
		.from_ends = ends,
	};

	if (csa_board_wanted())
		csa_coro_switch(&how);
}

struct csa_transfer csa_fcontext_jump(void *to, void *data, uint64_t sp)
{
	switched(to, sp, 0);
	return csa_fcontext_real.jump(to, data);
}

struct csa_transfer csa_fcontext_ontop(void *to, void *data, void *function, uint64_t sp)
{
	const struct cs_slot *here = csa_here;
	bool ends = here && csa_board->slots && here->stack_high &&
	            (uint64_t)data == here->stack_high + RECORD_GAP;

	switched(to, sp, ends ? CS_CORO_END_FINISHED : 0);
	return csa_fcontext_real.ontop(to, data, function);
}

void *csa_fcontext_make(void *stack, size_t bytes, void *function)
{
	void *context = csa_fcontext_real.make(stack, bytes, function);
	struct csa_frame at = CSA_CALLER();
	struct csa_birth birth = {
		.runtime = RUNTIME,
		.low = (uint64_t)stack - bytes,
		.high = (uint64_t)stack,
		.entry = (uint64_t)function,
		.context = (uint64_t)context,
		.key = (uint64_t)context,
		.context_kind = CS_SLOT_CONTEXT_FCONTEXT,
		.at = &at,
	};

	csa_coro_create(&birth);
	return context;
}
