/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads: their blocks, their agent stacks, the bounds of their own stacks, their end.
 *
 * A block is one mapping: a guard page, the agent's stack, struct csa_thread. Blocks are
 * never unmapped; that of an ended thread goes, with its lane, to the next new one.
 */
#include "core/thread.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "core/agent.h"
#include "core/emit.h"
#include "core/lane.h"
#include "core/lookup.h"
#include "core/sys.h"
#include "coroutine/coroutine.h"

#define PAGE UINT64_C(4096)
#define OWN_STACK_BYTES (UINT64_C(64) << 10)
#define ESRCH_ERROR (-3)

/*
 * A thread's key destructors run up to four times; ours ends the thread in the last one. That is
 * too late for code that ThreadSanitizer watches: by then it has forgotten the thread.
 */
#ifdef __SANITIZE_THREAD__
#define LAST_DESTRUCTOR_ROUND 3
#else
#define LAST_DESTRUCTOR_ROUND 4
#endif

/* How far below the known stack a stack pointer may lie and still be looked at. */
#define STACK_REACH (UINT64_C(64) << 20)

__thread struct csa_tls csa_tls;

extern void *__libc_stack_end;
void csa_stack_call(void (*fn)(void *), void *arg, void *top);

static struct {
	int (*key_create)(unsigned *key, void (*destructor)(void *));
	int (*set_specific)(unsigned key, const void *value);
	unsigned key;
	bool has_key;
} libc;

void csa_thread_run(struct csa_thread *thread, void (*fn)(void *), void *arg)
{
	uint64_t mask = 0;

	if (thread->own_stack_busy) {
		fn(arg);
		return;
	}
	csa_signals_block(&mask);
	thread->own_stack_busy = 1;
	csa_stack_call(fn, arg, thread->own_stack_top);
	thread->own_stack_busy = 0;
	csa_signals_restore(&mask);
}

/* ---- the thread's own stack ---- */

static uintptr_t thread_pointer(void)
{
	uintptr_t self;

	__asm__("movq %%fs:0, %0" : "=r"(self));
	return self;
}

struct probe {
	struct csa_thread *thread;
	uintptr_t sp;
};

/*
 * The high end of a thread's stack is its thread control block; the low end is found as the
 * stack grows: pages that can be read without a gap up to the part we know belong to it
 * (below a thread's stack is its guard). pthread_getattr_np would allocate and take locks.
 */
static void extend_stack(void *context)
{
	struct probe *probe = context;
	struct csa_thread *thread = probe->thread;
	uintptr_t low = probe->sp & ~(PAGE - 1);

	if (csa_readable_until(low, thread->stack_low) == thread->stack_low)
		thread->stack_low = low;
}

static void find_stack(struct csa_thread *thread)
{
	bool is_main = thread->tid == (uint32_t)csa_sys0(SYS_getpid);

	thread->stack_high = is_main ? (uintptr_t)__libc_stack_end : thread_pointer();
	thread->stack_high &= ~UINT64_C(7);
	thread->stack_low = thread->stack_high & ~(PAGE - 1);
}

/* ---- birth and death ---- */

static void thread_ends(void *value)
{
	uintptr_t round = (uintptr_t)value;
	struct csa_thread *thread = csa_tls.thread;

	if (!thread || !csa_agent_on() || csa_tls.busy)
		return;
	if (round < LAST_DESTRUCTOR_ROUND) {
		libc.set_specific(libc.key, (void *)(round + 1));
		return;
	}
	csa_tls.busy = (uintptr_t)__builtin_frame_address(0);
	csa_sys2(SYS_prctl, PR_GET_NAME, thread->name);
	csa_coro_thread_ends(thread);
	csa_lane_tell_thread(thread, CS_RECORD_THREAD_END);
	csa_tls.busy = 0;
	atomic_store(&thread->lane->owner_ended, 1);
}

/* A block whose thread has ended and is really gone (it may free until the very last). */
static struct csa_thread *take_over(uint32_t tid)
{
	struct csa_thread *thread = atomic_load(&csa_agent.threads);

	for (; thread; thread = thread->next) {
		struct cs_lane *lane = __atomic_load_n(&thread->lane, __ATOMIC_ACQUIRE);
		uint32_t owner;

		if (!lane || !atomic_load_explicit(&lane->owner_ended, memory_order_relaxed))
			continue;
		owner = atomic_load(&lane->tid);
		if (csa_sys3(SYS_tgkill, csa_sys0(SYS_getpid), owner, 0) != ESRCH_ERROR)
			continue;
		if (atomic_compare_exchange_strong(&lane->tid, &owner, tid)) {
			atomic_store(&lane->owner_ended, 0);
			return thread;
		}
	}
	return NULL;
}

#define BLOCK_BYTES (PAGE + OWN_STACK_BYTES + sizeof(struct csa_thread))

/*
 * A block with a lane. Nothing is left of it where there is no lane to be had: threads that come
 * and go behind a chroot would fill the program's address space with blocks that nobody uses.
 */
static struct csa_thread *new_block(void)
{
	uint8_t *start = csa_map(BLOCK_BYTES);

	if (!start)
		return NULL;
	csa_sys3(SYS_mprotect, start, PAGE, PROT_NONE);
	struct csa_thread *thread = (void *)(start + PAGE + OWN_STACK_BYTES);

	thread->own_stack_top = thread;
	if (!csa_lane_open(thread)) {
		csa_unmap(start, BLOCK_BYTES);
		return NULL;
	}
	csa_count(CS_AGENT_OWN_BYTES, BLOCK_BYTES);
	thread->next = atomic_load(&csa_agent.threads);
	while (!atomic_compare_exchange_weak(&csa_agent.threads, &thread->next, thread))
		;
	return thread;
}

static void begin_life(struct csa_thread *thread, uint32_t tid)
{
	thread->tid = tid;
	thread->started = false;
	thread->quick = 0;
	thread->depth = 0;
	thread->walk.count = 0;
	csa_coro_thread_begins(thread);
	csa_sys2(SYS_prctl, PR_GET_NAME, thread->name);
	atomic_store(&thread->lane->tid, tid);
}

/* A lane for the calling thread; on the stack of the caller, once per thread. */
static struct csa_thread *new_thread(void)
{
	uint32_t tid = (uint32_t)csa_sys0(SYS_gettid);
	struct csa_thread *thread = take_over(tid);

	if (!thread)
		thread = new_block();
	if (!thread)
		return NULL;
	begin_life(thread, tid);
	find_stack(thread);
	if (libc.has_key) {
		csa_tls.inside++; /* it may allocate: not the program's doing */
		libc.set_specific(libc.key, (void *)1);
		csa_tls.inside--;
	}
	return thread;
}

struct csa_thread *csa_thread_self(uintptr_t sp)
{
	struct csa_thread *thread = csa_tls.thread;
	uint64_t mask = 0;

	if (__builtin_expect(!thread || !thread->lane, 0)) {
		if (csa_tls.refused)
			return NULL;
		csa_signals_block(&mask);
		if (thread) { /* in a forked child: the block is there, the lane is not */
			if (csa_lane_open(thread))
				begin_life(thread, (uint32_t)csa_sys0(SYS_gettid));
		} else {
			thread = new_thread();
		}
		csa_tls.thread = thread;
		csa_tls.refused = !thread || !thread->lane;
		csa_signals_restore(&mask);
		if (csa_tls.refused)
			return NULL;
	}
	if (__builtin_expect(sp < thread->stack_low, 0) && thread->stack_low - sp < STACK_REACH &&
	    !csa_coro_is_here(sp)) {
		struct probe probe = {thread, sp};

		csa_thread_run(thread, extend_stack, &probe);
	}
	return thread;
}

void csa_thread_start(void)
{
	libc.key_create = csa_lookup_next("pthread_key_create");
	libc.set_specific = csa_lookup_next("pthread_setspecific");
	libc.has_key = libc.key_create && libc.set_specific &&
	               libc.key_create(&libc.key, thread_ends) == 0;
}

void csa_thread_forked(void)
{
	struct csa_thread *thread = csa_tls.thread;

	atomic_store(&csa_agent.threads, thread);
	csa_tls.refused = 0;
	if (!thread)
		return;
	thread->next = NULL;
	thread->lane = NULL;
	thread->reserve = thread->limit = thread->quick = 0;
	thread->lost = thread->lost_told = 0;
	thread->depth = 0;
	thread->started = false;
	thread->coro_told = 0;
}
