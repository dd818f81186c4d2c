/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of Pth's own structs only three places are used: a thread's name, which is believed if that of
 * the scheduler is there, its context, whose distance from it is learned when the first is made,
 * and the thread that an attribute object is bound to, its first word.
 */
#include "coroutine/pth.h"

#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/sys.h"
#include "coroutine/adapters.h"
#include "coroutine/core.h"
#include "coroutine/ucontext.h"
#include "heap/hook.h"

#define RUNTIME "pth"
#define SCHEDULER "**SCHEDULER**"
#define NAME_OFFSET 24
#define NAME_BYTES 40
#define STACK_OF_MAIN (UINT64_C(8) << 20)

/* What pth_init gives as the function of "main". */
#define START_OF_MAIN UINT64_MAX

#define ATTRIBUTE_SET 1
#define ATTRIBUTE_NAME 1

#define CALLER() ((uintptr_t)__builtin_return_address(0))

static void *boot_spawn(void *attributes, void *(*start)(void *), void *argument)
{
	void *(*real)(void *, void *(*)(void *), void *) = csa_real_or_none("pth_spawn", CALLER());

	return real(attributes, start, argument);
}

static int boot_wait(void *events)
{
	int (*real)(void *) = csa_real_or_none("pth_wait", CALLER());

	return real(events);
}

static int boot_yield(void *to)
{
	int (*real)(void *) = csa_real_or_none("pth_yield", CALLER());

	return real(to);
}

static void boot_exit(void *value)
{
	void (*real)(void *) = csa_real_or_none("pth_exit", CALLER());

	real(value);
}

static int boot_attribute(int command, void *attributes, int what, va_list list)
{
	int (*real)(int, void *, int, va_list) = csa_real_or_none("__pth_attr_ctrl", CALLER());

	return real(command, attributes, what, list);
}

static void boot_insert(void *queue, int priority, void *thread)
{
	void (*real)(void *, int, void *) = csa_real_or_none("__pth_pqueue_insert", CALLER());

	real(queue, priority, thread);
}

static void boot_free(void *thread)
{
	void (*real)(void *) = csa_real_or_none("__pth_tcb_free", CALLER());

	real(thread);
}

struct csa_pth_real csa_pth_real = {boot_spawn,     boot_wait,   boot_yield, boot_exit,
                                    boot_attribute, boot_insert, boot_free};

static const struct csa_real_function functions[] = {
	{"pth_spawn", (void **)&csa_pth_real.spawn, boot_spawn},
	{"pth_wait", (void **)&csa_pth_real.wait, boot_wait},
	{"pth_yield", (void **)&csa_pth_real.yield, boot_yield},
	{"pth_exit", (void **)&csa_pth_real.exit, boot_exit},
	{"__pth_attr_ctrl", (void **)&csa_pth_real.attribute, boot_attribute},
	{"__pth_pqueue_insert", (void **)&csa_pth_real.insert, boot_insert},
	{"__pth_tcb_free", (void **)&csa_pth_real.free, boot_free},
};

void csa_pth_find(void)
{
	csa_real_pin(functions, sizeof(functions) / sizeof(*functions));
}

/* Pth has one of everything, and one thread of the kernel at a time is in it. */
static struct {
	uint64_t context_offset; /* in a thread; 0: not learned yet */
	bool has_names;
	bool waiting; /* pth_wait has told for what */
	bool found;   /* the following, by who calls its functions */
	const void *ready, *waits, *suspended, *dead;
	int (*type_of)(const void *event);
	void *(*next)(const void *event, unsigned direction);
} pth;

/* Two libraries of this name in one process nobody has; one that is loaded again may lie
 * elsewhere. */
static void find_rest(uint64_t caller)
{
	pth.ready = csa_real_for("__pth_RQ", caller);
	pth.waits = csa_real_for("__pth_WQ", caller);
	pth.suspended = csa_real_for("__pth_SQ", caller);
	pth.dead = csa_real_for("__pth_DQ", caller);
	pth.type_of = csa_real_for("pth_event_typeof", caller);
	pth.next = csa_real_for("pth_event_walk", caller);
	pth.found = true;
}

/* ---- which thread ---- */

static uint64_t sp_of(const ucontext_t *context)
{
	return (uint64_t)context->uc_mcontext.gregs[REG_RSP];
}

/* THREAD's, which does not run. */
static struct cs_slot *slot_of(const void *thread)
{
	struct cs_slot *slot;

	if (!csa_board->slots || !pth.context_offset || !thread)
		return NULL;
	slot = csa_coro_of(sp_of((const void *)((uint64_t)thread + pth.context_offset)));
	return slot && !(slot->flags & CS_SLOT_THREAD) ? slot : NULL;
}

/* ---- births ---- */

/* "main" is where it is: on the caller's stack. */
static struct cs_slot *main_is_born(const struct csa_frame *at)
{
	struct csa_birth birth = {.runtime = RUNTIME, .at = at};
	const struct csa_thread *thread;
	struct cs_slot *slot;

	csa_coro_look(at->sp);
	thread = csa_tls.thread;
	if (!thread || !thread->stack_high)
		return NULL;
	birth.high = thread->stack_high;
	birth.low = thread->stack_low;
	/* The first thread's stack grows while it runs. */
	if (thread->tid == (uint32_t)csa_sys0(SYS_getpid) && birth.high - birth.low < STACK_OF_MAIN)
		birth.low = birth.high - STACK_OF_MAIN;
	slot = csa_coro_create(&birth);
	csa_here = NULL;
	csa_coro_look(at->sp);
	if (slot) /* it ran before: nobody has switched to it */
		atomic_store(&slot->turn, atomic_load(&slot->turn) & 0xff);
	return slot;
}

static void name(struct cs_slot *slot, const void *thread)
{
	const char *there = (const char *)thread + NAME_OFFSET;

	char text[NAME_BYTES];

	if (!slot || !pth.has_names || !*there)
		return;
	memcpy(text, there, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	csa_coro_name(slot, text, NULL);
}

void *csa_pth_spawn(void *attributes, void *(*start)(void *), void *argument)
{
	const void *scheduler = csa_real_for("__pth_scheduler", CALLER());
	bool is_main = (uint64_t)start == START_OF_MAIN;
	struct csa_ucontext_maker maker = {
		.runtime = RUNTIME,
		.entry = (uint64_t)start,
		.at = CSA_CALLER(),
		.flags = (const void *)start == scheduler ? CS_SLOT_SYSTEM : 0,
	};
	struct cs_slot *slot = is_main ? main_is_born(&maker.at) : NULL;
	void *thread;

	csa_ucontext_maker = is_main ? NULL : &maker;
	thread = csa_pth_real.spawn(attributes, start, argument);
	csa_ucontext_maker = NULL;
	if (!thread)
		return NULL;
	if ((const void *)start == scheduler)
		pth.has_names = memcmp((const char *)thread + NAME_OFFSET, SCHEDULER,
		                       sizeof(SCHEDULER)) == 0;
	if (maker.context)
		pth.context_offset = maker.context - (uint64_t)thread;
	name(is_main ? slot : slot_of(thread), thread);
	return thread;
}

int csa_pth_attribute(int command, void *attributes, int what, va_list list)
{
	void *thread = attributes ? *(void **)attributes : NULL;
	int result = csa_pth_real.attribute(command, attributes, what, list);

	if (result && command == ATTRIBUTE_SET && what == ATTRIBUTE_NAME && thread) {
		/* The present one has left its context when it was switched to. */
		struct cs_slot *slot = slot_of(thread);

		name(slot, thread);
	}
	return result;
}

/* ---- states ---- */

/* Bits of pth_event_typeof(), from the second on: Pth's words for them. */
static const char *const events[] = {"fd",    "select", "sigs", "time", "msg",
                                     "mutex", "cond",   "tid",  "func"};
#define EVENTS (sizeof(events) / sizeof(*events))
#define EVENT_TID (1u << 8)
#define EVENTS_MAX 32 /* in a ring: more are not looked at */

static uint16_t reason_text(unsigned types)
{
	static uint16_t known[1u << EVENTS];
	char text[CS_SLOT_TEXT_BYTES];
	size_t used = 0;

	types = types >> 1 & ((1u << EVENTS) - 1);
	if (known[types] || !types)
		return known[types];
	for (unsigned i = 0; i < EVENTS; i++) {
		size_t bytes = strlen(events[i]);

		if (!(types >> i & 1) || used + bytes + 2 > sizeof(text))
			continue;
		if (used)
			text[used++] = '+';
		memcpy(text + used, events[i], bytes);
		used += bytes;
	}
	text[used] = '\0';
	known[types] = csa_slots_text(text);
	return known[types];
}

void csa_pth_wait(void *ring, uint64_t caller)
{
	struct cs_slot *here = csa_board->slots ? csa_here : NULL;
	const void *event = ring;
	unsigned types = 0;

	if (!here || (here->flags & CS_SLOT_THREAD) || !ring)
		return;
	if (!pth.found)
		find_rest(caller);
	if (!pth.type_of || !pth.next)
		return;
	for (int i = 0; i < EVENTS_MAX && event; i++) {
		unsigned type = (unsigned)pth.type_of(event);

		/* The state that another thread is to reach is in the same word. */
		types |= type & EVENT_TID ? EVENT_TID : type;
		event = pth.next(event, 1 << 1); /* PTH_WALK_NEXT */
		if (event == ring)
			break;
	}
	here->reason = reason_text(types);
	pth.waiting = true;
}

void csa_pth_yield(void)
{
	struct cs_slot *here = csa_board->slots ? csa_here : NULL;

	if (here && !(here->flags & CS_SLOT_THREAD) && !pth.waiting)
		here->agents_woken = CSA_WOKEN;
	pth.waiting = false;
}

static void set_state(struct cs_slot *slot, enum cs_slot_state state)
{
	atomic_store(&slot->turn, (atomic_load(&slot->turn) & ~UINT64_C(0xff)) | state);
}

/* What it waited for before it was suspended waits behind. */
static void suspend(struct cs_slot *slot)
{
	slot->agents_own = slot->reason;
	slot->reason = csa_slots_text("suspended");
	set_state(slot, CS_SLOT_SUSPENDED);
}

static void resume(struct cs_slot *slot, const void *queue)
{
	slot->reason = (uint16_t)slot->agents_own;
	set_state(slot, queue == pth.ready   ? CS_SLOT_RUNNABLE
	                : queue == pth.waits ? CS_SLOT_WAITING
	                                     : CS_SLOT_NEW);
}

static void finish(struct cs_slot *slot)
{
	csa_coro_finish(slot, (slot->flags & CS_SLOT_ENDING) ? CS_CORO_END_FINISHED
	                                                     : CS_CORO_END_STACK_FREED);
}

/* THREAD is put into QUEUE. */
void csa_pth_insert(const void *queue, void *thread, uint64_t caller)
{
	struct cs_slot *slot = slot_of(thread);
	enum cs_slot_state state;

	if (!slot)
		return;
	if (!pth.found || (queue != pth.ready && queue != pth.waits))
		find_rest(caller);
	state = (enum cs_slot_state)(atomic_load(&slot->turn) & 0xff);
	if (queue == pth.dead)
		finish(slot);
	else if (queue == pth.suspended)
		suspend(slot);
	else if (state == CS_SLOT_SUSPENDED)
		resume(slot, queue);
	else if (queue == pth.ready && state == CS_SLOT_WAITING)
		csa_coro_wake(slot);
}

void csa_pth_exit(void)
{
	csa_coro_look((uint64_t)__builtin_frame_address(0));
	csa_coro_ending();
}

void csa_pth_free(void *thread)
{
	struct cs_slot *slot = slot_of(thread);

	if (slot)
		finish(slot);
}
