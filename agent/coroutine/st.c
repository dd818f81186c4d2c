/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread's structure lies at the top of its stack; its saved registers are in there, neither
 * mangled nor at a documented place, so they are believed only if they fit.
 */
#include "coroutine/st.h"

#include "coroutine/adapters.h"
#include "coroutine/coroutine.h"
#include "coroutine/region.h"
#include "heap/hook.h"

#define DEFAULT_STACK_BYTES (128 * 1024)
#define CONTEXT_OFFSET 120
#define WORD_SP 6

#define CALLER() ((uintptr_t)__builtin_return_address(0))

static int boot_init(void)
{
	int (*real)(void) = csa_real_for("st_init", CALLER());

	return real();
}

static void *boot_create(void *(*start)(void *), void *argument, int joinable, int stack_bytes)
{
	void *(*real)(void *(*)(void *), void *, int, int) =
		csa_real_for("st_thread_create", CALLER());

	return real(start, argument, joinable, stack_bytes);
}

static void boot_exit(void *value)
{
	void (*real)(void *) = csa_real_for("st_thread_exit", CALLER());

	real(value);
}

static csa_st_callback boot_set_in(csa_st_callback callback)
{
	void *real = csa_real_for("st_set_switch_in_cb", CALLER());

	return real ? ((csa_st_callback(*)(csa_st_callback))real)(callback) : NULL;
}

static csa_st_callback boot_set_out(csa_st_callback callback)
{
	void *real = csa_real_for("st_set_switch_out_cb", CALLER());

	return real ? ((csa_st_callback(*)(csa_st_callback))real)(callback) : NULL;
}

struct csa_st_real csa_st_real = {boot_init, boot_create, boot_exit, boot_set_in, boot_set_out};

static const struct csa_real_function functions[] = {
	{"st_init", (void **)&csa_st_real.init, boot_init},
	{"st_thread_create", (void **)&csa_st_real.create, boot_create},
	{"st_thread_exit", (void **)&csa_st_real.exit, boot_exit},
	{"st_set_switch_in_cb", (void **)&csa_st_real.set_in, boot_set_in},
	{"st_set_switch_out_cb", (void **)&csa_st_real.set_out, boot_set_out},
};

void csa_st_find(void)
{
	csa_real_pin(functions, sizeof(functions) / sizeof(*functions));
}

/* ---- switches ---- */

/* The program's own callbacks. State Threads has one of each, for all threads. */
static csa_st_callback program_in, program_out;

static void came_in(void)
{
	csa_coro_look((uint64_t)__builtin_frame_address(0));
	if (program_in)
		program_in();
}

static void goes_out(void)
{
	const struct cs_slot *here;
	const uint64_t *words;

	if (program_out)
		program_out();
	csa_coro_look((uint64_t)__builtin_frame_address(0));
	here = csa_board->slots ? csa_here : NULL;
	if (!here)
		return;
	words = (const uint64_t *)(here->stack_high + CONTEXT_OFFSET);
	if (!(here->flags & CS_SLOT_THREAD) &&
	    words[WORD_SP] - here->stack_low < here->stack_high - here->stack_low)
		csa_coro_leave((uint64_t)words, CS_SLOT_CONTEXT_JMPBUF_PLAIN);
	else
		csa_coro_leave(0, CS_SLOT_CONTEXT_NONE);
}

static bool made_by_init; /* the idle thread, while st_init runs */

int csa_st_init(void)
{
	int result;

	made_by_init = true;
	result = csa_st_real.init();
	made_by_init = false;
	if (result == 0) {
		csa_st_real.set_in(came_in);
		csa_st_real.set_out(goes_out);
	}
	return result;
}

csa_st_callback csa_st_set_in(csa_st_callback callback)
{
	csa_st_callback before = program_in;

	program_in = callback;
	csa_st_real.set_in(came_in);
	return before;
}

csa_st_callback csa_st_set_out(csa_st_callback callback)
{
	csa_st_callback before = program_out;

	program_out = callback;
	csa_st_real.set_out(goes_out);
	return before;
}

/* ---- birth and end ---- */

void *csa_st_create(void *(*start)(void *), void *argument, int joinable, int stack_bytes)
{
	void *thread = csa_st_real.create(start, argument, joinable, stack_bytes);
	struct csa_frame at = CSA_CALLER();
	const struct csa_region *region = csa_region_find((uint64_t)thread);
	struct csa_birth birth = {
		.runtime = "state-threads",
		.high = (uint64_t)thread,
		.entry = (uint64_t)start,
		.context = (uint64_t)thread + CONTEXT_OFFSET,
		.context_kind = CS_SLOT_CONTEXT_JMPBUF_PLAIN,
		.flags = made_by_init ? CS_SLOT_SYSTEM : 0,
		.at = &at,
	};

	if (!thread)
		return NULL;
	birth.low = region ? region->low
	                   : birth.high - (uint64_t)(stack_bytes > 0 ? stack_bytes
	                                                             : DEFAULT_STACK_BYTES);
	csa_coro_create(&birth);
	return thread;
}

void csa_st_exit(void *value)
{
	csa_coro_look((uint64_t)__builtin_frame_address(0));
	csa_coro_ending();
	csa_st_real.exit(value);
}
