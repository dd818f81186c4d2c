/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings and the break: what the program itself asks the kernel for, reported beside the
 * heap. What the allocator maps for its blocks is only summed up: it holds the heap that is
 * counted already. The caller's return address tells which of the two it is.
 */
#include <sys/mman.h>

#include "core/emit.h"
#include "core/lookup.h"
#include "coroutine/coroutine.h"
#include "heap/hook.h"
#include "heap/real.h"

#define CALLER_PC() ((uintptr_t)__builtin_return_address(0))

static bool is_allocator(uintptr_t pc)
{
	return csa_tls.inside || (pc >= csa_agent.allocator_low && pc < csa_agent.allocator_high);
}

static bool recording(void)
{
	return (csa_agent_on() || csa_agent_start()) && csa_agent.heap;
}

/* Mappings may become stacks, also where no heap is recorded. */
static bool recording_or_following(void)
{
	return csa_agent_on() || csa_agent_start();
}

static void emit_map(enum cs_record_kind kind, void *start, size_t bytes, uint32_t flags,
                     const struct csa_frame *at)
{
	struct csa_work work = csa_work_begin(at ? at->sp : (uintptr_t)__builtin_frame_address(0));
	struct cs_record_map *record;

	if (work.thread) {
		uint64_t coroutine = at && !work.nested ? csa_coro_now(work.thread, at->sp)
		                                        : work.thread->coro_told;
		uint64_t stack = at && !work.nested ? csa_stack_name(work.thread, at) : 0;

		csa_coro_tell(work.thread, coroutine);
		record = csa_emit_begin(work.thread, kind, sizeof(*record), flags);
		if (record) {
			record->address = (uintptr_t)start;
			record->bytes = bytes;
			record->stack = stack;
			csa_emit_commit(work.thread, record, kind);
		}
	}
	csa_work_end(&work);
}

/* Whose stack is there can't run any more. */
static void coroutines_gone(const void *start, size_t bytes)
{
	if (atomic_load_explicit(&csa_coro_count, memory_order_relaxed))
		csa_coro_memory_gone((uintptr_t)start, bytes);
}

static uint32_t map_flags(int flags)
{
	return (flags & MAP_ANONYMOUS ? CS_MAP_ANONYMOUS : 0u) |
	       (flags & MAP_SHARED ? CS_MAP_SHARED : 0u) |
	       (flags & MAP_NORESERVE ? CS_MAP_NORESERVE : 0u) |
	       (flags & (MAP_STACK | MAP_GROWSDOWN) ? CS_MAP_STACK : 0u);
}

void *csa_mmap_slow(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	uintptr_t pc = CALLER_PC();
	void *start;

	if (flags & MAP_FIXED)
		coroutines_gone(at, bytes);
	start = csa_real.mmap(at, bytes, protection, flags, fd, offset);
	if (start == MAP_FAILED || !recording_or_following())
		return start;
	if (is_allocator(pc)) {
		if ((flags & MAP_ANONYMOUS) && csa_agent.heap)
			csa_count(CS_AGENT_ALLOCATOR_MAPPED, bytes);
		return start;
	}
	struct csa_frame caller = CSA_CALLER();

	if (flags & MAP_ANONYMOUS)
		csa_coro_memory_new((uintptr_t)start, bytes, &caller);
	if (!csa_agent.heap)
		return start;
	if (flags & MAP_ANONYMOUS)
		emit_map(CS_RECORD_MAP, start, bytes, map_flags(flags), &caller);
	else if (flags & MAP_FIXED) /* a file takes the place of what was there */
		emit_map(CS_RECORD_UNMAP, start, bytes, 0, NULL);
	return start;
}

/* The record first, as for free: afterwards another thread may be given the addresses. */
int csa_munmap_slow(void *start, size_t bytes)
{
	bool on = recording();
	bool allocator = is_allocator(CALLER_PC());
	int result;

	coroutines_gone(start, bytes);
	if (on && allocator)
		csa_count(CS_AGENT_ALLOCATOR_MAPPED, (uint64_t)0 - bytes);
	else if (on)
		emit_map(CS_RECORD_UNMAP, start, bytes, 0, NULL);
	result = csa_real.munmap(start, bytes);
	if (result == 0 || !on)
		return result;
	struct csa_frame caller = CSA_CALLER();

	if (allocator)
		csa_count(CS_AGENT_ALLOCATOR_MAPPED, bytes);
	else
		emit_map(CS_RECORD_MAP, start, bytes, CS_MAP_MOVED, &caller);
	return result;
}

void *csa_mremap_slow(void *start, size_t old_bytes, size_t bytes, int flags, void *at)
{
	bool on = recording();
	bool allocator = is_allocator(CALLER_PC());
	void *moved;

	if (bytes < old_bytes)
		coroutines_gone((char *)start + bytes, old_bytes - bytes);
	if (on && !allocator)
		emit_map(CS_RECORD_UNMAP, start, old_bytes, 0, NULL);
	moved = csa_real.mremap(start, old_bytes, bytes, flags, at);
	if (!on)
		return moved;
	if (allocator) {
		if (moved != MAP_FAILED)
			csa_count(CS_AGENT_ALLOCATOR_MAPPED, bytes - old_bytes);
		return moved;
	}
	struct csa_frame caller = CSA_CALLER();

	/* Whether it was anonymous is not known here: the reader knows what it lost. */
	if (moved != MAP_FAILED)
		emit_map(CS_RECORD_MAP, moved, bytes, CS_MAP_MOVED, &caller);
	else
		emit_map(CS_RECORD_MAP, start, old_bytes, CS_MAP_MOVED, &caller);
	return moved;
}

int csa_brk_slow(void *end)
{
	void *before = csa_real.sbrk(0);
	int error = csa_real.brk(end);

	if (error == 0 && recording() && !is_allocator(CALLER_PC()))
		csa_count(CS_AGENT_BRK_GROWTH, (uint64_t)((char *)end - (char *)before));
	return error;
}

void *csa_sbrk_slow(intptr_t by)
{
	void *before = csa_real.sbrk(by);

	if (by && before != (void *)-1 && recording() && !is_allocator(CALLER_PC()))
		csa_count(CS_AGENT_BRK_GROWTH, (uint64_t)by);
	return before;
}

int csa_dlclose_slow(void *library)
{
	int result;

	if (!csa_real.dlclose) /* before any allocation, or from a libdl loaded late */
		csa_real_find();
	csa_stack_unloading(true);
	result = csa_real.dlclose(library);
	csa_stack_unloading(false);
	atomic_fetch_add(&csa_unloads, 1);
	if (csa_agent_on()) {
		struct csa_work work = csa_work_begin((uintptr_t)__builtin_frame_address(0));

		if (work.thread && !work.nested)
			csa_stack_check_modules(work.thread);
		csa_work_end(&work);
	}
	return result;
}
