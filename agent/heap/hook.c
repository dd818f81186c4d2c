/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a hooked call to its record.
 */
#include "heap/hook.h"

#include "core/emit.h"
#include "core/lane.h"
#include "core/lookup.h"
#include "coroutine/coroutine.h"
#include "heap/deepbind.h"
#include "heap/real.h"
#include "heap/sampler.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

static void emit_alloc(struct csa_thread *thread, const void *block, size_t size, uint64_t stack)
{
	bool is_long = size > UINT32_MAX;
	enum cs_record_kind kind = is_long ? CS_RECORD_ALLOC_LONG : CS_RECORD_ALLOC;
	struct cs_record_alloc_long *record = csa_emit_begin(
		thread, kind,
		is_long ? sizeof(struct cs_record_alloc_long) : sizeof(struct cs_record_alloc),
		is_long ? 0 : (uint32_t)size);

	if (!record)
		return;
	record->address = (uintptr_t)block;
	record->stack = stack;
	if (is_long)
		record->size = size;
	csa_emit_commit(thread, record, kind);
}

static void emit_block(struct csa_thread *thread, const void *block, enum cs_record_kind kind)
{
	struct cs_record_free *record = csa_emit_begin(thread, kind, sizeof(*record), 0);

	if (!record)
		return;
	record->address = (uintptr_t)block;
	csa_emit_commit(thread, record, kind);
}

void csa_record_alloc_slow(const void *block, size_t size, const struct csa_frame *at,
                           bool searched)
{
	struct csa_work work = csa_work_begin(at->sp);

	if (work.thread) {
		uint64_t coroutine = work.nested ? work.thread->coro_told
		                                 : csa_coro_now(work.thread, at->sp);
		uint64_t stack = work.nested ? 0
		                 : searched  ? csa_stack_walk(work.thread, at)
		                             : csa_stack_name(work.thread, at);
		bool tracked = csa_agent.exact || csa_live_add(block);

		csa_coro_tell(work.thread, coroutine);
		emit_alloc(work.thread, block, size, stack);
		if (!tracked) { /* its free will not be seen: it must not look like a leak */
			emit_block(work.thread, block, CS_RECORD_FREE);
			csa_count(CS_AGENT_LIVE_FULL, 1);
		}
		if (!csa_agent.exact)
			csa_count(CS_AGENT_SAMPLES, 1);
		if (work.nested)
			csa_count(CS_AGENT_STACK_NONE, 1);
	}
	csa_work_end(&work);
}

void csa_record_free_slow(const void *block, enum cs_record_kind kind)
{
	struct csa_work work = csa_work_begin((uintptr_t)__builtin_frame_address(0));

	if (work.thread)
		emit_block(work.thread, block, kind);
	csa_work_end(&work);
}

void csa_record_restore(const void *block)
{
	struct csa_work work = csa_work_begin((uintptr_t)__builtin_frame_address(0));

	if (!csa_agent.exact)
		csa_live_add(block);
	if (work.thread)
		emit_block(work.thread, block, CS_RECORD_RESTORE);
	csa_work_end(&work);
}

/* ---- allocating ---- */

/* csa_sampler_due(), and at once where everything is recorded. */
static inline bool is_due(size_t size)
{
	struct csa_tls *tls = &csa_tls;

	if (LIKELY(csa_agent.exact) && LIKELY(!tls->inside) && LIKELY(csa_agent_on())) {
		tls->bytes_left = 0;
		return true;
	}
	return csa_sampler_due(size);
}

/* It may become a stack; not the allocator's own. */
static inline bool is_large(size_t size)
{
	return UNLIKELY(size >= csa_large_bytes) && !csa_tls.inside;
}

/* CALL is a real allocation of SIZE whose result goes into BLOCK. */
#define ALLOCATE(block, size, call)                                                 \
	do {                                                                        \
		bool due = is_due(size);                                            \
		csa_tls.inside++;                                                   \
		block = call;                                                       \
		csa_tls.inside--;                                                   \
		if (block && (due || is_large(size))) {                             \
			struct csa_frame at = CSA_CALLER();                         \
			if (due)                                                    \
				csa_record_alloc(block, size, &at);                 \
			if (is_large(size))                                         \
				csa_coro_memory_new((uintptr_t)(block), size, &at); \
		}                                                                   \
	} while (0)

void *csa_malloc_slow(size_t size)
{
	void *block;

	ALLOCATE(block, size, csa_real.malloc(size));
	return block;
}

void *csa_calloc_slow(size_t count, size_t size)
{
	size_t bytes = count * size; /* the entry point has checked that it fits */
	void *block;

	ALLOCATE(block, bytes, csa_real.calloc(count, size));
	return block;
}

void *csa_memalign_slow(size_t alignment, size_t size)
{
	void *block;

	ALLOCATE(block, size, csa_real.memalign(alignment, size));
	return block;
}

void *csa_aligned_alloc_slow(size_t alignment, size_t size)
{
	void *block;

	ALLOCATE(block, size, csa_real.aligned_alloc(alignment, size));
	return block;
}

void *csa_valloc_slow(size_t size)
{
	void *block;

	ALLOCATE(block, size, csa_real.valloc(size));
	return block;
}

void *csa_pvalloc_slow(size_t size)
{
	void *block;

	ALLOCATE(block, size, csa_real.pvalloc(size));
	return block;
}

static int aligned(void **result, void **block, size_t alignment, size_t size)
{
	int error = csa_real.posix_memalign(result, alignment, size);

	*block = error ? NULL : *result;
	return error;
}

int csa_posix_memalign_slow(void **result, size_t alignment, size_t size)
{
	void *block = NULL;
	int error;

	ALLOCATE(block, size, (error = aligned(result, &block, alignment, size), block));
	return error;
}

/* DUE: the entry point has taken SIZE from the gap and found this call due. */
void *csa_realloc_slow(void *block, size_t size, bool due)
{
	bool record = due && is_due(size);
	bool released = csa_record_free(block, CS_RECORD_RELEASE);
	void *moved;

	csa_tls.inside++;
	moved = csa_real.realloc(block, size);
	csa_tls.inside--;
	if (moved && record) {
		struct csa_frame at = CSA_CALLER();

		csa_record_alloc(moved, size, &at);
	}
	/* Of nothing to size 0: the block was freed. Else the old block lives on. */
	if (!moved && size && released)
		csa_record_restore(block);
	return moved;
}

/* ---- freeing: the record first, then the real one ---- */

void csa_free_slow(void *block)
{
	csa_record_free(block, CS_RECORD_FREE);
	csa_real.free(block);
}

void csa_free_sized_slow(void *block, size_t size)
{
	csa_record_free(block, CS_RECORD_FREE);
	if (!csa_real.free_sized) {
		csa_real.free(block);
		return;
	}
	csa_tls.inside++;
	csa_real.free_sized(block, size);
	csa_tls.inside--;
}

void csa_free_aligned_sized_slow(void *block, size_t alignment, size_t size)
{
	csa_record_free(block, CS_RECORD_FREE);
	if (!csa_real.free_aligned_sized) {
		csa_real.free(block);
		return;
	}
	csa_tls.inside++;
	csa_real.free_aligned_sized(block, alignment, size);
	csa_tls.inside--;
}

/* ---- the part ---- */

static int heap_start(void)
{
	struct csa_image allocator;

	if (csa_lookup_owner("malloc", &allocator)) {
		csa_agent.allocator_low = allocator.low;
		csa_agent.allocator_high = allocator.high;
	}
	return csa_sampler_start(csa_agent.session->heap_mean_bytes, csa_agent.session->seed);
}

const struct csa_part csa_heap_part = {
	.start = heap_start,
	.forked = csa_sampler_reseed,
	.ready = csa_foreign_bind,
	.loaded = csa_deepbind_bind,
	.loading_apart = csa_deepbind_ask,
};
