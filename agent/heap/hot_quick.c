/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole records of blocks on the quick way (core/quick.h), where nothing stands in it: the
 * thread is known, no hook is at work, the stack is one that is recognised. hook.c does the
 * rest. An allocation is stamped before its stack is looked for: what the processor waits for
 * to read its clock, and what it reads of the stack, overlap.
 */
#include "core/quick.h"
#include "core/thread.h"
#include "coroutine/coroutine.h"
#include "heap/hook.h"
#include "heap/sampler.h"
#include "stack/modules.h"
#include "stack/recognise.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

enum csa_quick {
	CSA_QUICK_DONE,
	CSA_QUICK_STACK, /* only the stack was in the way: it has to be walked */
	CSA_QUICK_CLOSED
};

/* The running thread if it can go ahead, at work from now on; else NULL. */
static inline struct csa_thread *begin(struct csa_tls *tls, uintptr_t sp)
{
	struct csa_thread *thread = tls->thread;

	if (UNLIKELY(tls->busy) || UNLIKELY(!thread) || UNLIKELY(!thread->lane) ||
	    UNLIKELY(sp < thread->stack_low && !csa_coro_is_here(sp)))
		return NULL;
	tls->nested = 0;
	tls->busy = sp;
	csa_lane_barrier();
	return thread;
}

static inline void end(struct csa_tls *tls)
{
	csa_lane_barrier();
	tls->busy = 0;
}

CSA_RAW_INLINE enum csa_quick quick_alloc(struct csa_thread *thread, const void *block, size_t size,
                                          const struct csa_frame *at)
{
	const uint32_t bytes = sizeof(struct cs_record_alloc);
	uint64_t epoch = atomic_load_explicit(&csa_modules_epoch, memory_order_acquire);
	struct csa_ticket ticket;
	uint64_t stack, low, high, *record;

	if (UNLIKELY(!csa_coro_known(thread, at->sp, &low, &high)))
		return CSA_QUICK_CLOSED;
	if (UNLIKELY(!csa_quick_take(thread, bytes, true, &ticket)))
		return CSA_QUICK_CLOSED;
	stack = csa_memo_recognise(at, low, high, epoch, &thread->walk.place);
	if (UNLIKELY(!stack)) {
		csa_quick_give_back(thread);
		return CSA_QUICK_STACK;
	}
	/* Held up since it was stamped: another thread may have told of this stack only then. */
	if (UNLIKELY(!csa_known_before(ticket.stamp))) {
		csa_quick_give_back(thread);
		return CSA_QUICK_CLOSED;
	}
	record = csa_quick_open(thread, &ticket, bytes);
	if (UNLIKELY(!record))
		return CSA_QUICK_CLOSED;
	record[2] = (uintptr_t)block;
	record[3] = stack;
	csa_quick_close(thread, record, bytes, CS_RECORD_ALLOC, (uint32_t)size);
	return CSA_QUICK_DONE;
}

CSA_RAW void csa_record_alloc(const void *block, size_t size, const struct csa_frame *at)
{
	struct csa_tls *tls = &csa_tls;
	struct csa_thread *thread = NULL;
	enum csa_quick result = CSA_QUICK_CLOSED;

	if (LIKELY(csa_agent.exact) && LIKELY(size <= UINT32_MAX))
		thread = begin(tls, at->sp);
	if (LIKELY(thread)) {
		result = quick_alloc(thread, block, size, at);
		end(tls);
	}
	if (UNLIKELY(result != CSA_QUICK_DONE))
		csa_record_alloc_slow(block, size, at, result == CSA_QUICK_STACK);
}

static inline bool quick_free(const void *block, enum cs_record_kind kind)
{
	const uint32_t bytes = sizeof(struct cs_record_free);
	struct csa_tls *tls = &csa_tls;
	struct csa_thread *thread = begin(tls, (uintptr_t)__builtin_frame_address(0));
	struct csa_ticket ticket;
	uint64_t *record;

	if (UNLIKELY(!thread))
		return false;
	record = csa_quick_take(thread, bytes, false, &ticket)
	                 ? csa_quick_open(thread, &ticket, bytes)
	                 : NULL;
	if (LIKELY(record)) {
		record[2] = (uintptr_t)block;
		csa_quick_close(thread, record, bytes, kind, 0);
	}
	end(tls);
	return record != NULL;
}

bool csa_record_free(const void *block, enum cs_record_kind kind)
{
	if (UNLIKELY(!block) || UNLIKELY(csa_tls.inside))
		return false;
	if (UNLIKELY(!csa_agent_on()) && !csa_agent_start())
		return false;
	if (UNLIKELY(atomic_load_explicit(&csa_coro_count, memory_order_relaxed) != 0) &&
	    UNLIKELY(csa_perhaps_stack(block)))
		csa_coro_block_gone(block);
	if (!csa_agent.exact && !csa_live_remove(block))
		return false;
	if (UNLIKELY(!quick_free(block, kind)))
		csa_record_free_slow(block, kind);
	return true;
}

_Static_assert(offsetof(struct cs_record_alloc, address) == 16, "record[2] is the address");
_Static_assert(offsetof(struct cs_record_alloc, stack) == 24, "record[3] is the stack");
_Static_assert(offsetof(struct cs_record_free, address) == 16, "record[2] is the address");
