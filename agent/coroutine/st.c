/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread's structure lies at the top of its stack, at stack_high of a slot that st_thread_create
 * made and of no other; its saved registers are in there, neither mangled nor at a documented
 * place, so they are believed only if they fit.
 */
#include "coroutine/st.h"

#include <stdatomic.h>
#include <stddef.h>

#include "core/lookup.h"
#include "coroutine/adapters.h"
#include "coroutine/coroutine.h"
#include "coroutine/map.h"
#include "coroutine/region.h"
#include "heap/hook.h"

#define DEFAULT_STACK_BYTES (128 * 1024)
#define CONTEXT_OFFSET 120
#define WORD_SP 6

#define CALLER() ((uintptr_t)__builtin_return_address(0))

/* One that finds the real function at each call, and passes on to it. */
#define BOOT(name, type, function, parameters, arguments)                      \
	static type boot_##name parameters                                     \
	{                                                                      \
		type(*real) parameters = csa_real_or_fail(function, CALLER()); \
		return real arguments;                                         \
	}

BOOT(init, int, "st_init", (void), ())
BOOT(signal, int, "st_cond_signal", (void *condition), (condition))
BOOT(broadcast, int, "st_cond_broadcast", (void *condition), (condition))
BOOT(unlock, int, "st_mutex_unlock", (void *mutex), (mutex))

static void *boot_create(void *(*start)(void *), void *argument, int joinable, int stack_bytes)
{
	void *(*real)(void *(*)(void *), void *, int, int) =
		csa_real_or_none("st_thread_create", CALLER());

	return real(start, argument, joinable, stack_bytes);
}

typedef csa_st_callback set_callback(csa_st_callback callback);

/* Not every version has them. */
static csa_st_callback boot_set_in(csa_st_callback callback)
{
	set_callback *real = csa_real_for("st_set_switch_in_cb", CALLER());

	return real ? real(callback) : NULL;
}

static csa_st_callback boot_set_out(csa_st_callback callback)
{
	set_callback *real = csa_real_for("st_set_switch_out_cb", CALLER());

	return real ? real(callback) : NULL;
}

static void boot_exit(void *value)
{
	void (*real)(void *) = csa_real_or_none("st_thread_exit", CALLER());

	real(value);
}

static void boot_interrupt(void *thread)
{
	void (*real)(void *) = csa_real_or_none("st_thread_interrupt", CALLER());

	real(thread);
}

#define X(function, reason)                                                                  \
	BOOT(function, uintptr_t, #function,                                                 \
	     (uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e, uintptr_t f), \
	     (a, b, c, d, e, f))
CSA_ST_WAITS(X)
#undef X

#define X(function, reason) .function = boot_##function,
struct csa_st_real csa_st_real = {.init = boot_init,
                                  .create = boot_create,
                                  .exit = boot_exit,
                                  .set_in = boot_set_in,
                                  .set_out = boot_set_out,
                                  .signal = boot_signal,
                                  .broadcast = boot_broadcast,
                                  .unlock = boot_unlock,
                                  .interrupt = boot_interrupt,
                                  CSA_ST_WAITS(X)};
#undef X

#define X(function, reason) {#function, (void **)&csa_st_real.function, boot_##function},
static const struct csa_real_function functions[] = {
	{"st_init", (void **)&csa_st_real.init, boot_init},
	{"st_thread_create", (void **)&csa_st_real.create, boot_create},
	{"st_thread_exit", (void **)&csa_st_real.exit, boot_exit},
	{"st_set_switch_in_cb", (void **)&csa_st_real.set_in, boot_set_in},
	{"st_set_switch_out_cb", (void **)&csa_st_real.set_out, boot_set_out},
	{"st_cond_signal", (void **)&csa_st_real.signal, boot_signal},
	{"st_cond_broadcast", (void **)&csa_st_real.broadcast, boot_broadcast},
	{"st_mutex_unlock", (void **)&csa_st_real.unlock, boot_unlock},
	{"st_thread_interrupt", (void **)&csa_st_real.interrupt, boot_interrupt},
	CSA_ST_WAITS(X)};
#undef X

/* State Threads lives on one thread of a process: all of this is that thread's. */
static struct {
	uintptr_t low, high;       /* of the library */
	enum csa_st_reason reason; /* what the program has called */
} library;

static void look_at_library(void)
{
	struct csa_image image;

	if (!csa_lookup_owner("st_thread_create", &image))
		return;
	library.low = image.low;
	library.high = image.high;
}

void csa_st_find(void)
{
	csa_real_pin(functions, sizeof(functions) / sizeof(*functions));
	look_at_library();
}

/* ---- waits ---- */

static struct csa_reason reasons[] = {
	[CSA_ST_POLL] = {"poll", 0},           [CSA_ST_ACCEPT] = {"accept", 0},
	[CSA_ST_CONNECT] = {"connect", 0},     [CSA_ST_READ] = {"read", 0},
	[CSA_ST_WRITE] = {"write", 0},         [CSA_ST_SLEEP] = {"sleep", 0},
	[CSA_ST_CONDITION] = {"condition", 0}, [CSA_ST_MUTEX] = {"mutex", 0},
	[CSA_ST_JOIN] = {"join", 0},           [CSA_ST_ZOMBIE] = {"zombie", 0},
};

void csa_st_waits(uintptr_t caller, enum csa_st_reason reason)
{
	if (caller - library.low >= library.high - library.low)
		library.reason = reason;
}

/* ---- wakes ---- */

struct link {
	const struct link *next, *previous;
};

/* As long as they have not been put to rest, these are its threads' states. */
enum { RUNNING = 0, LOCK_WAIT = 3, CONDITION_WAIT = 4, ZOMBIE = 6 };

#define WAIT_LINKS_OFFSET 56
#define QUEUE_MAX (1u << 20)

/* NULL: the process's first thread, or none of the library's. */
static struct cs_slot *slot_of(const void *thread)
{
	struct cs_slot *slot = csa_map_find_below(&csa_slot_map, (uint64_t)thread, 1);

	return slot && slot->stack_high == (uint64_t)thread ? slot : NULL;
}

void csa_st_wakes(const void *thread)
{
	if (csa_board->slots)
		csa_coro_wake(slot_of(thread));
}

static int state_of(const struct cs_slot *slot)
{
	return *(const volatile int *)slot->stack_high;
}

void csa_st_wakes_zombie(const void *thread)
{
	struct cs_slot *slot = csa_board->slots ? slot_of(thread) : NULL;

	if (slot && state_of(slot) == ZOMBIE)
		csa_coro_wake(slot);
}

/* Wakes whom the library will take from QUEUE: the first that is in STATE, or ALL of them. */
static void wake_queue(const struct link *queue, int state, bool all)
{
	const struct link *link = queue->next;

	for (uint32_t i = 0; link && link != queue && i < QUEUE_MAX; i++, link = link->next) {
		const int *thread = (const void *)((const uint8_t *)link - WAIT_LINKS_OFFSET);

		if (*thread != state)
			continue;
		csa_coro_wake(slot_of(thread));
		if (!all)
			return;
	}
}

void csa_st_wakes_waiter(const void *condition, bool all)
{
	if (csa_board->slots && condition)
		wake_queue(condition, CONDITION_WAIT, all);
}

/* Behind its owner. */
void csa_st_wakes_locker(const void *mutex)
{
	if (csa_board->slots && mutex)
		wake_queue((const struct link *)((const uint8_t *)mutex + 8), LOCK_WAIT, false);
}

/* ---- switches ---- */

/* The program's own callbacks. State Threads has one of each, for all threads. */
static csa_st_callback program_in, program_out;

/* What agents_own of its threads says. */
enum { DETACHED, JOINABLE, EXITING };

static struct csa_reason runtime = {"state-threads", 0};

/* A thread of the library's, whose structure is at its stack_high; NULL: somebody else runs. */
static struct cs_slot *own_here(void)
{
	struct cs_slot *here = csa_board->slots ? csa_here : NULL;
	uint32_t id = atomic_load_explicit(&runtime.id, memory_order_relaxed);

	return here && id && here->runtime == id && !(here->flags & CS_SLOT_FOUND) ? here : NULL;
}

static bool is_exiting(const struct cs_slot *slot)
{
	return slot && slot->agents_own == EXITING;
}

static void came_in(void)
{
	csa_coro_look((uint64_t)__builtin_frame_address(0));
	if (program_in)
		program_in();
}

/* A zombie does not tell that it leaves; it comes back when it has been joined, and then goes. */
static void goes_out(void)
{
	const struct cs_slot *here;

	if (program_out)
		program_out();
	csa_coro_look((uint64_t)__builtin_frame_address(0));
	here = own_here();
	if (is_exiting(here) && state_of(here) == RUNNING)
		csa_coro_ending();
	else if (library.reason)
		csa_coro_park_for(&reasons[library.reason]);
	library.reason = CSA_ST_NO_REASON;
	const uint64_t *words = here ? (const uint64_t *)(here->stack_high + CONTEXT_OFFSET) : NULL;

	if (words && words[WORD_SP] - here->stack_low < here->stack_high - here->stack_low)
		csa_coro_leave((uint64_t)words, CS_SLOT_CONTEXT_JMPBUF_PLAIN);
	else
		csa_coro_leave(0, CS_SLOT_CONTEXT_NONE);
}

static bool made_by_init; /* the idle thread, while st_init runs */

int csa_st_init(void)
{
	int result;

	look_at_library();
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
		.runtime = runtime.text,
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
	struct cs_slot *slot = csa_coro_create(&birth);

	if (!slot)
		return thread;
	atomic_store_explicit(&runtime.id, slot->runtime, memory_order_relaxed);
	slot->agents_own = joinable ? JOINABLE : DETACHED;
	/* Its switches are not told: it may run, or not. */
	if (made_by_init)
		atomic_store(&slot->turn, CS_SLOT_UNKNOWN);
	return thread;
}

void csa_st_exit(void *value)
{
	struct cs_slot *here;

	csa_coro_look((uint64_t)__builtin_frame_address(0));
	here = own_here();
	if (here) {
		if (here->agents_own == JOINABLE)
			csa_coro_park_for(&reasons[CSA_ST_ZOMBIE]);
		here->agents_own = EXITING;
	}
	csa_st_real.exit(value);
}
