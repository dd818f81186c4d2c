/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything is told from addresses: who calls (which function of the library), and what lies
 * around the lock that is handed over, as far as it can be read.
 */
#include "coroutine/fiber.h"

#include <stdatomic.h>
#include <stddef.h>

#include "core/lookup.h"
#include "core/sys.h"
#include "core/thread.h"
#include "coroutine/adapters.h"
#include "coroutine/coroutine.h"
#include "coroutine/map.h"
#include "coroutine/tell.h"

/* From a context down to a word that is surely its stack's: what lies between is smaller. */
#define DOWN_TO_STACK 1024u
/* A context begins with its links: its place in a wait queue is one of them. */
#define LINKS_BYTES 96u
#define QUEUE_BYTES 16u
#define PAGE UINT64_C(4096)

#define CALLER() ((uintptr_t)__builtin_return_address(0))

/* ---- the real functions ---- */

#define X(member, symbol, hook)                                                                \
	static uintptr_t boot_##member(void *a, void *b, void *c, void *d)                     \
	{                                                                                      \
		return ((csa_fiber_function *)csa_real_or_none(symbol, CALLER()))(a, b, c, d); \
	}
CSA_FIBER_FUNCTIONS(X)
#undef X

#define X(member, symbol, hook) .member = boot_##member,
struct csa_fiber_real csa_fiber_real = {CSA_FIBER_FUNCTIONS(X)};
#undef X

#define X(member, symbol, hook) {symbol, (void **)&csa_fiber_real.member, boot_##member},
static const struct csa_real_function functions[] = {CSA_FIBER_FUNCTIONS(X)};
#undef X

/* ---- the library's own functions that wait ---- */

static struct csa_reason reasons[] = {
	{"mutex", 0},     {"barrier", 0}, {"join", 0},      {"sleep", 0},
	{"condition", 0}, {"channel", 0}, {"suspended", 0}, {"terminated", 0},
};
enum { MUTEX, BARRIER, JOIN, SLEEP, CONDITION, CHANNEL, SUSPENDED, TERMINATED, QUEUED, NONE };

static const struct {
	const char *symbol;
	uint32_t reason;
} waits[] = {
	{CSA_FIBERS "5mutex4lockEv", MUTEX},
	{CSA_FIBERS "11timed_mutex4lockEv", MUTEX},
	{CSA_FIBERS "11timed_mutex15try_lock_until_" CSA_FIBER_TIME, MUTEX},
	{CSA_FIBERS "15recursive_mutex4lockEv", MUTEX},
	{CSA_FIBERS "21recursive_timed_mutex4lockEv", MUTEX},
	{CSA_FIBERS "21recursive_timed_mutex15try_lock_until_" CSA_FIBER_TIME, MUTEX},
	{CSA_FIBERS "7barrier4waitEv", BARRIER},
	{CSA_FIBER_CONTEXT "4joinEv", JOIN},
	/* A queue has said already what for. */
	{CSA_FIBER_QUEUE_WAIT, QUEUED},
	{CSA_FIBER_QUEUE_WAIT_UNTIL, QUEUED},
};
#define WAITS (sizeof(waits) / sizeof(*waits))

static struct {
	_Atomic uintptr_t low, high; /* of the library */
	uint64_t unloads;            /* csa_unloads when it was looked for */
	struct {
		_Atomic uintptr_t low, high;
	} code[WAITS];
} library;

static bool take_code(const struct csa_image *image, void *unused)
{
	(void)unused;
	if (image->is_agent || !csa_lookup_in(image, CSA_FIBER_CONTEXT "4joinEv"))
		return false;
	for (size_t i = 0; i < WAITS; i++) {
		uintptr_t low = 0, high = 0;

		csa_lookup_code(image, waits[i].symbol, &low, &high);
		atomic_store(&library.code[i].low, low);
		atomic_store(&library.code[i].high, high);
	}
	atomic_store(&library.low, image->low);
	atomic_store(&library.high, image->high);
	return true;
}

static void look_at_library(void)
{
	library.unloads = atomic_load(&csa_unloads);
	csa_lookup_each(take_code, NULL);
}

void csa_fiber_find(void)
{
	csa_real_pin(functions, sizeof(functions) / sizeof(*functions));
	if (csa_fiber_real.attach_worker != boot_attach_worker)
		look_at_library();
}

static bool within(uintptr_t address, const _Atomic uintptr_t *low, const _Atomic uintptr_t *high)
{
	uintptr_t start = atomic_load_explicit(low, memory_order_relaxed);

	return address - start < atomic_load_explicit(high, memory_order_relaxed) - start;
}

/* ---- contexts ---- */

static struct cs_slot *slot_below(const void *context)
{
	return csa_map_find_below(&csa_slot_map, (uint64_t)context, DOWN_TO_STACK);
}

static uint32_t distance(const struct cs_slot *slot, const void *context)
{
	return (uint32_t)((uint64_t)context - slot->stack_high);
}

/*
 * NULL: the main context of a thread, which lies in the heap, maybe just above a stack; or a
 * fiber that is not known. How far a fiber's is from its stack is noted in its slot.
 */
static struct cs_slot *slot_of(const void *context)
{
	struct cs_slot *slot = slot_below(context);
	bool is_its = slot && (slot->flags & CS_SLOT_FIBER) &&
	              slot->agents_own == distance(slot, context);

	return is_its ? slot : NULL;
}

void csa_fiber_attached(uintptr_t caller, const void *context, bool is_dispatcher)
{
	struct cs_slot *slot = slot_below(context);

	/* A library that was loaded later, or is another one now. */
	if (!within(caller, &library.low, &library.high) && library.unloads != csa_unloads)
		look_at_library();
	/* Fibers are attached again when they go to another thread. */
	if (!slot || (slot->flags & CS_SLOT_FIBER))
		return;
	slot->agents_own = distance(slot, context);
	csa_coro_turns_out(slot, CS_SLOT_FIBER | (is_dispatcher ? CS_SLOT_SYSTEM : 0));
}

void csa_fiber_wakes(const void *context)
{
	csa_coro_wake(slot_of(context));
}

/* ---- waits ---- */

void csa_fiber_asked(uintptr_t caller)
{
	if (!within(caller, &library.low, &library.high))
		csa_fiber_unlocked = false;
}

/* AT is an empty queue: a ring of itself alone. */
static bool is_empty_queue(const uint64_t *at)
{
	return at[0] == (uint64_t)at && at[1] == (uint64_t)at;
}

static bool holds(const uint64_t *queue, const void *context)
{
	return queue[1] - (uint64_t)context < LINKS_BYTES;
}

/* Less than what is looked at may be the program's: beyond the page that LOCK is on it is asked. */
static bool can_read(const void *lock, const uint64_t *queue)
{
	uint64_t page = (uint64_t)lock & ~(PAGE - 1);
	uint64_t first = (uint64_t)queue & ~(PAGE - 1);
	uint64_t last = ((uint64_t)queue + QUEUE_BYTES - 1) & ~(PAGE - 1);

	return (first == page || csa_readable_until(first, first + 1) > first) &&
	       (last == page || csa_readable_until(last, last + 1) > last);
}

/* What the library's function waits for that calls from CALLER; NONE: it is none of them. */
static uint32_t reason_of(uintptr_t caller)
{
	for (size_t i = 0; i < WAITS; i++)
		if (within(caller, &library.code[i].low, &library.code[i].high))
			return waits[i].reason;
	return NONE;
}

/*
 * A condition is a lock and a queue. Channels have two of each, or two queues behind one lock,
 * and when one of the queues has somebody in it, the other is empty.
 */
static uint32_t queue_of(const struct csa_fiber_lock *lock, const void *context)
{
	const void *address = lock->spinlock;
	const uint64_t *queue = (const uint64_t *)((uint64_t)address & ~UINT64_C(7)) + 1;

	if (!can_read(address, queue))
		return SUSPENDED;
	bool first = (uint64_t)address % 8 != 0; /* behind a flag: the first of two */
	bool second = can_read(address, queue - 3) && is_empty_queue(queue - 3);
	bool has_next = can_read(address, queue + 2);

	/* Who has handed something over waits in no queue until it is taken. */
	if (!holds(queue, context) && is_empty_queue(queue) && (first || second))
		return CHANNEL;
	if (has_next && is_empty_queue(queue) && holds(queue + 2, context))
		return CHANNEL;
	if (!holds(queue, context))
		return SUSPENDED;
	if (first || second || (has_next && is_empty_queue(queue + 2)))
		return CHANNEL;
	return CONDITION;
}

void csa_fiber_suspends(uintptr_t caller, const void *context, const struct csa_fiber_lock *lock)
{
	uint32_t reason = reason_of(caller);
	bool unlocked = csa_fiber_unlocked;

	csa_fiber_unlocked = false;
	if (reason == QUEUED)
		return;
	if (reason == NONE)
		reason = lock && unlocked         ? CONDITION
		         : lock && lock->spinlock ? queue_of(lock, context)
		                                  : SUSPENDED;
	csa_coro_park_for(&reasons[reason]);
}

/*
 * The same as for queue_of(), but the queue is known, and may have others in it: only a channel
 * has two locks, or two queues, and when it has somebody in one, the other is empty.
 */
static uint32_t queue_at(const uint64_t *queue, const void *lock)
{
	bool is_behind_its_lock = (uint64_t)queue == ((uint64_t)lock & ~UINT64_C(7)) + 8;

	if ((uint64_t)lock % 8 != 0 || !is_behind_its_lock)
		return CHANNEL;
	if (can_read(lock, queue - 3) && is_empty_queue(queue - 3))
		return CHANNEL;
	return can_read(lock, queue + 2) && is_empty_queue(queue + 2) ? CHANNEL : CONDITION;
}

void csa_fiber_queues(uintptr_t caller, const uint64_t *queue, const struct csa_fiber_lock *lock)
{
	uint32_t reason = reason_of(caller);
	bool unlocked = csa_fiber_unlocked;

	csa_fiber_unlocked = false;
	if (reason == NONE)
		reason = unlocked ? CONDITION : queue_at(queue, lock->spinlock);
	csa_coro_park_for(&reasons[reason]);
}

/* context::join() has context::suspend() inside of it, where Boost was compiled with inlining. */
void csa_fiber_joins(uintptr_t caller)
{
	if (reason_of(caller) == JOIN)
		csa_coro_park_for(&reasons[JOIN]);
}

void csa_fiber_sleeps(void)
{
	csa_fiber_unlocked = false;
	csa_coro_park_for(&reasons[SLEEP]);
}

void csa_fiber_terminates(void)
{
	csa_coro_park_for(&reasons[TERMINATED]);
}
