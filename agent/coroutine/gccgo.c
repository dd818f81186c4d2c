/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of a G only its address and that of its context are used, whose distance is learned when the
 * first is made: the struct differs between versions.
 */
#include "coroutine/gccgo.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "core/lookup.h"
#include "core/sys.h"
#include "coroutine/adapters.h"
#include "coroutine/core.h"
#include "coroutine/map.h"
#include "stack/stack.h"

#define RUNTIME "gccgo"
#define WORD_SP 6

/* mcall's argument is on the stack when systemstack has made it, else in libgo's data. */
#define CLOSURE_REACH 4096u

void *csa_gccgo_real[CSA_GCCGO_COUNT];
uint8_t csa_gccgo_on;

static struct csa_image libgo;

static const char *const names[CSA_GCCGO_COUNT] = {
	[CSA_GCCGO_GO] = "__go_go",
	[CSA_GCCGO_MAKECONTEXT] = "__go_makecontext",
	[CSA_GCCGO_SETCONTEXT] = "__go_setcontext",
	[CSA_GCCGO_MAKE_G] = "runtime.makeGContext",
	[CSA_GCCGO_MCALL] = "runtime.mcall",
	[CSA_GCCGO_PARK] = "runtime.gopark",
	[CSA_GCCGO_READY] = "runtime.ready",
	[CSA_GCCGO_EXIT] = "runtime.goexit1",
	[CSA_GCCGO_SCAN] = "runtime.doscanstackswitch",
	[CSA_GCCGO_TRACEBACK] = "runtime.getTraceback",
	[CSA_GCCGO_ENTER] = "runtime.entersyscall",
	[CSA_GCCGO_ENTER_BLOCK] = "runtime.entersyscallblock",
	[CSA_GCCGO_LEAVE] = "runtime.exitsyscall",
};

/* libgo is never unloaded: its threads do not end. So what was found stays. */
void csa_gccgo_find(void)
{
	for (int i = 0; i < CSA_GCCGO_COUNT; i++)
		__atomic_store_n(&csa_gccgo_real[i], csa_lookup_next(names[i]), __ATOMIC_RELEASE);
	if (!csa_gccgo_real[CSA_GCCGO_SETCONTEXT] || !csa_lookup_owner("__go_go", &libgo))
		return;
	__atomic_store_n(&csa_gccgo_on, 1, __ATOMIC_RELEASE);
}

/* ---- which goroutine ---- */

/*
 * From contexts to the stacks they began with. A G and its stack stay together for ever, so
 * nothing is taken out. What finds no place is found by its stack pointer.
 */
#define PLACES_BITS 20u
#define PLACES_TRIED 16u
#define PLACE_OF_A_G 512u /* less than a G has: those that lie together share pages here */

struct place {
	_Atomic uint64_t context, low;
};

static _Atomic(struct place *) places;
static _Atomic uint64_t context_offset; /* in a G */

static struct place *place_of(uint64_t context, bool make)
{
	struct place *all = atomic_load_explicit(&places, memory_order_acquire);
	uint64_t first = context / PLACE_OF_A_G;

	for (uint32_t i = 0; all && i < PLACES_TRIED; i++) {
		struct place *place = &all[(first + i) & ((1u << PLACES_BITS) - 1)];
		uint64_t there = atomic_load_explicit(&place->context, memory_order_acquire);

		if (!there &&
		    (!make || atomic_compare_exchange_strong(&place->context, &there, context)))
			return make ? place : NULL;
		if (there == context)
			return place;
	}
	return NULL;
}

static void make_places(void)
{
	struct place *none = NULL;
	long bytes = (long)(sizeof(struct place) << PLACES_BITS);
	long start = csa_sys6(SYS_mmap, 0, bytes, PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (!csa_sys_failed(start) &&
	    !atomic_compare_exchange_strong(&places, &none, (struct place *)start))
		csa_sys2(SYS_munmap, start, bytes);
}

static void remember(uint64_t context, uint64_t low)
{
	struct place *place;

	if (!atomic_load_explicit(&places, memory_order_relaxed))
		make_places();
	place = place_of(context, true);
	if (place)
		atomic_store_explicit(&place->low, low, memory_order_release);
}

static struct cs_slot *slot_of(uint64_t context)
{
	struct place *place = place_of(context, false);
	struct cs_slot *slot = NULL;

	if (!csa_board->slots)
		return NULL;
	if (place)
		slot = csa_map_find_low(&csa_slot_map,
		                        atomic_load_explicit(&place->low, memory_order_acquire));
	return slot && slot->agents_key == context ? slot : NULL;
}

/* The goroutine that the thread works for; NULL: none that is known. */
static struct cs_slot *present(void)
{
	struct cs_slot *here = csa_board->slots ? csa_here : NULL;

	return here && (here->flags & CS_SLOT_SPLIT) ? here : NULL;
}

/* ---- births ---- */

static __thread struct {
	struct csa_frame at; /* who said `go`; pc 0: nobody, it is a thread's own */
	uint64_t entry;
	uint64_t g;
	uint64_t home;       /* the context to come back to from a look at another stack */
	uint8_t away_before; /* csa_core_away, then */
	uint8_t inner;       /* switches to come that are of that look */
	uint8_t parking;     /* gopark has told why */
} now __attribute__((tls_model("initial-exec")));

void csa_gccgo_go(const struct csa_gccgo_call *call)
{
	now.at = (struct csa_frame){call->pc, (uint64_t)(call + 1), call->rbp};
	now.entry = call->rdi;
}

void csa_gccgo_make_g(const struct csa_gccgo_call *call)
{
	now.g = call->rdi;
}

/* The sites in libgo that say `go`, by what is known of them: there are few. */
static bool is_runtimes_own(uint64_t pc)
{
	static _Atomic uint64_t known[64]; /* pc << 1 | answer */
	_Atomic uint64_t *place = &known[(pc * UINT64_C(0x9e3779b97f4a7c15)) >> 58];
	uint64_t there = atomic_load_explicit(place, memory_order_relaxed);
	static const char package[] = "runtime.";
	const char *name;
	bool own;

	if (pc < libgo.low || pc >= libgo.high)
		return false;
	if (there >> 1 == pc)
		return there & 1;
	name = csa_lookup_name(&libgo, pc - 1);
	own = name && memcmp(name, package, sizeof(package) - 1) == 0;
	atomic_store_explicit(place, pc << 1 | own, memory_order_relaxed);
	return own;
}

void csa_gccgo_makecontext(const struct csa_gccgo_call *call)
{
	struct csa_birth birth = {
		.runtime = RUNTIME,
		.low = call->rdx,
		.high = call->rdx + call->rcx,
		.entry = now.entry,
		.context = call->rdi,
		.key = call->rdi,
		.context_kind = CS_SLOT_CONTEXT_GCCGO,
		.flags = CS_SLOT_SPLIT,
		.at = &now.at,
	};

	if (now.g)
		atomic_store_explicit(&context_offset, call->rdi - now.g, memory_order_relaxed);
	now.g = 0;
	if (!now.at.pc)
		return;
	if (is_runtimes_own(now.at.pc))
		birth.flags |= CS_SLOT_SYSTEM;
	if (csa_coro_create(&birth))
		remember(birth.key, birth.low);
	now.at.pc = 0;
}

/* ---- switches ---- */

enum { AT_HOME, GOING_AWAY, AWAY };

/* To the thread's stack: to be scheduled, or for something to be done there. */
void csa_gccgo_mcall(const struct csa_gccgo_call *call)
{
	struct cs_slot *here = present();
	bool returns = call->rdi - (uint64_t)(call + 1) < CLOSURE_REACH;

	if (returns && now.home) { /* while it looks at another's stack: there and back */
		now.inner = 2;
		return;
	}
	now.home = now.inner = 0;
	csa_core_away = here && returns ? GOING_AWAY : AT_HOME;
	/* A write barrier may come between gopark and its mcall. */
	if (returns)
		return;
	if (here && !now.parking)
		here->agents_woken = CSA_WOKEN;
	now.parking = 0;
}

/* True: this is no switch. */
static bool is_detour(const struct cs_slot *here, uint64_t to)
{
	if (now.home) {
		if (now.inner) {
			now.inner--;
		} else if (to == now.home) {
			now.home = 0;
			csa_core_away = now.away_before;
		}
		return true;
	}
	if (!csa_core_away)
		return false;
	if (here && csa_core_away == GOING_AWAY) {
		csa_core_away = AWAY;
		return true;
	}
	csa_core_away = AT_HOME;
	return here && to == here->agents_key;
}

void csa_gccgo_setcontext(const struct csa_gccgo_call *call)
{
	struct cs_slot *here = csa_board->slots ? csa_here : NULL;
	const uint64_t *to = (const uint64_t *)call->rdi;
	uint64_t key = here ? here->agents_key : 0, sp = (uint64_t)(call + 1);
	bool ends = here && (here->flags & CS_SLOT_ENDING);

	if (is_detour(present(), call->rdi))
		return;
	if (!ends && csa_switch_fast(CS_SLOT_CONTEXT_GCCGO, key, key, call->rdi, sp))
		return;
	struct cs_slot *goroutine = slot_of(call->rdi);
	struct csa_switch how = {
		.sp = sp - 8,
		.from_context = key,
		.from_key = key,
		.from_kind = key ? CS_SLOT_CONTEXT_GCCGO : CS_SLOT_CONTEXT_NONE,
		.to = goroutine ? goroutine : csa_coro_of(to[WORD_SP]),
		.from_ends = ends ? CS_CORO_END_FINISHED : 0,
	};

	/* All that are none are a thread's own. */
	how.to_thread = !how.to;
	csa_coro_switch(&how);
	/* So that it is found at once when it is left again for this context. */
	here = csa_board->slots ? csa_here : NULL;
	if (!here || !(here->flags & CS_SLOT_THREAD))
		return;
	here->agents_key = call->rdi;
	atomic_store_explicit(csa_recent(csa_board, call->rdi), csa_slot_line(here),
	                      memory_order_relaxed);
}

/* The collector, or who prints stacks, goes to another's stack and comes back. */
void csa_gccgo_look(const struct csa_gccgo_call *call)
{
	uint64_t offset = atomic_load_explicit(&context_offset, memory_order_relaxed);

	if (!offset)
		return;
	if (!now.home)
		now.away_before = csa_core_away;
	now.home = call->rdi + offset;
	now.inner = 0;
	csa_core_away = AWAY;
}

/* ---- states ---- */

/*
 * Go's own words for why a goroutine waits: `runtime.waitReasonStrings`, an array of strings
 * that do not end with NUL. How many there are nobody tells: each is looked at before.
 */
#define REASONS 64u
#define REASON_BYTES 48u

struct go_string {
	const char *text;
	uint64_t bytes;
};

static bool in_libgo(const void *start, uint64_t bytes)
{
	uint64_t address = (uint64_t)start;

	return address >= libgo.low && address < libgo.high && bytes <= libgo.high - address;
}

static uint16_t reason_text(uint8_t reason)
{
	static _Atomic uint16_t known[REASONS];
	static _Atomic(const struct go_string *) table;
	const struct go_string *strings = atomic_load_explicit(&table, memory_order_relaxed);
	char text[REASON_BYTES];
	uint16_t id;

	if (reason >= REASONS)
		return 0;
	id = atomic_load_explicit(&known[reason], memory_order_relaxed);
	if (id)
		return id;
	if (!strings) {
		strings = csa_lookup_in(&libgo, "runtime.waitReasonStrings");
		atomic_store_explicit(&table, strings, memory_order_relaxed);
	}
	if (!strings || !in_libgo(&strings[reason], sizeof(*strings)) ||
	    strings[reason].bytes >= sizeof(text) ||
	    !in_libgo(strings[reason].text, strings[reason].bytes))
		return 0;
	for (uint64_t i = 0; i < strings[reason].bytes; i++)
		text[i] = strings[reason].text[i];
	text[strings[reason].bytes] = '\0';
	id = csa_slots_text(text);
	atomic_store_explicit(&known[reason], id, memory_order_relaxed);
	return id;
}

void csa_gccgo_park(const struct csa_gccgo_call *call)
{
	struct cs_slot *here = present();

	if (!here)
		return;
	here->reason = reason_text((uint8_t)call->rdx);
	now.parking = 1;
}

void csa_gccgo_ready(const struct csa_gccgo_call *call)
{
	uint64_t offset = atomic_load_explicit(&context_offset, memory_order_relaxed);
	struct cs_slot *slot = offset ? slot_of(call->rdi + offset) : NULL;

	if (slot)
		csa_coro_wake(slot);
}

void csa_gccgo_exit(const struct csa_gccgo_call *call)
{
	struct cs_slot *here = present();

	(void)call;
	if (here)
		here->flags |= CS_SLOT_ENDING;
}

/*
 * What goes into the kernel stays where it is, so its stack can be walked from its caller's
 * registers, as far as no rule needs those that are not known. The time there is none that it ran.
 */
void csa_gccgo_enter(const struct csa_gccgo_call *call)
{
	struct csa_thread *thread = csa_tls.thread;
	struct cs_slot *here = present();

	if (!here || !thread)
		return;
	thread->kernel_context[0] = call->rbp;
	thread->kernel_context[WORD_SP] = (uint64_t)(call + 1);
	thread->kernel_context[WORD_SP + 1] = call->pc;
	here->context = (uint64_t)thread->kernel_context;
	here->context_kind = CS_SLOT_CONTEXT_GCCGO;
	csa_switch_time(here, &here->run_ticks, csa_switch_stamp(csa_board));
	atomic_signal_fence(memory_order_release);
	here->flags |= CS_SLOT_SYSCALL;
}

void csa_gccgo_leave(const struct csa_gccgo_call *call)
{
	struct cs_slot *here = present();

	(void)call;
	if (!here || !(here->flags & CS_SLOT_SYSCALL))
		return;
	here->flags &= (uint16_t)~CS_SLOT_SYSCALL;
	here->context_kind = CS_SLOT_CONTEXT_NONE;
	csa_switch_time(here, &here->wait_ticks, csa_switch_stamp(csa_board));
}
