/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A jump that stays on its stack, as errors are handled with, is nobody's business. One that
 * leaves a coroutine which has not called sigsetjmp itself is its end: there is no way back.
 */
#include "coroutine/jump.h"

#include "core/lookup.h"
#include "coroutine/adapters.h"
#include "coroutine/coroutine.h"
#include "coroutine/link.h"

/* glibc's jmp_buf: rbx, rbp, r12 to r15, rsp, pc; rbp, rsp and pc are mangled. */
#define WORD_SP 6

void *csa_jump_real[CSA_JUMP_COUNT];

/* The last sigsetjmp of this thread, and who called it. The environment may be gone since. */
static __thread struct {
	uint64_t number; /* a slot may be another's now */
	uint64_t environment;
	uint64_t sp; /* as it is in there */
} saved __attribute__((tls_model("initial-exec")));

void csa_jump_find(void)
{
	static const char *const names[CSA_JUMP_COUNT] = {
		[CSA_JUMP_SIGSETJMP] = "__sigsetjmp", [CSA_JUMP_SETJMP] = "_setjmp",
		[CSA_JUMP_SIGLONGJMP] = "siglongjmp", [CSA_JUMP_LONGJMP] = "longjmp",
		[CSA_JUMP_LONGJMP_OLD] = "_longjmp",  [CSA_JUMP_LONGJMP_CHECKED] = "__longjmp_chk",
	};

	for (int i = 0; i < CSA_JUMP_COUNT; i++)
		csa_jump_real[i] = csa_lookup_next(names[i]);
}

static uint64_t demangle(uint64_t word)
{
	uint64_t guard;

	__asm__("movq %%fs:0x30, %0" : "=r"(guard));
	return (word >> 17 | word << 47) ^ guard;
}

static bool holds(const struct cs_slot *slot, uint64_t address)
{
	return address - slot->stack_low < slot->stack_high - slot->stack_low;
}

static uint64_t number_of(const struct cs_slot *slot)
{
	return atomic_load_explicit(&slot->number, memory_order_relaxed);
}

void csa_jump_saved(const uint64_t *environment, uint64_t sp)
{
	const struct cs_slot *here = csa_link_present(sp);

	if (!here || !holds(here, sp))
		return;
	saved.number = number_of(here);
	saved.environment = (uint64_t)environment;
	saved.sp = sp + 8;
}

void csa_jump_taken(const uint64_t *environment, uint64_t sp)
{
	const struct cs_slot *here = csa_link_present(sp);
	uint64_t to;

	/* Who runs is known from its creation and all switches, or it is no coroutine yet. */
	if (!here || !holds(here, sp))
		return;
	to = demangle(environment[WORD_SP]);
	if (holds(here, to))
		return;
	bool returns = saved.number && saved.number == number_of(here);
	struct csa_switch how = {
		.runtime = "stack",
		.sp = sp,
		.from_context = returns ? saved.environment : 0,
		.from_key = returns ? saved.sp : 0,
		.from_kind = returns ? CS_SLOT_CONTEXT_JMPBUF : CS_SLOT_CONTEXT_NONE,
		.from_ends = returns ? 0 : CS_CORO_END_LEFT,
		.to_key = to,
		.to_address = to,
	};

	if (!csa_switch_fast(CS_SLOT_CONTEXT_JMPBUF, how.from_context, how.from_key, to,
	                     returns ? sp : 0))
		csa_coro_switch(&how);
}
