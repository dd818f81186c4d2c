/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording what the hooks of heap/ see. The entry points (entry_*.c) hold the unsampled path
 * and jump here, without a frame of their own, for the rest: so the frame above a function of
 * this header is the program's.
 *
 * Invariants: a free is recorded before the real free, an allocation after the real
 * allocation. errno is as the real function left it. A call inside a real call (`inside`) is
 * the allocator's own and is not recorded. What a signal handler does while it interrupts the
 * agent (`busy`) is recorded without a stack.
 */
#ifndef CSA_HEAP_HOOK_H
#define CSA_HEAP_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/agent.h"
#include "core/thread.h"
#include "core/work.h"
#include "stack/stack.h"
#include "wire/record.h"

/* The program's frame that called the function in which this stands; needs frame pointers. */
#define CSA_CALLER()                                                     \
	((struct csa_frame){                                             \
		.pc = ((const uint64_t *)__builtin_frame_address(0))[1], \
		.sp = (uint64_t)__builtin_frame_address(0) + 16,         \
		.bp = ((const uint64_t *)__builtin_frame_address(0))[0], \
	})

/* BLOCK of SIZE bytes has been allocated from *AT, and is due to be recorded. */
void csa_record_alloc(const void *block, size_t size, const struct csa_frame *at);

/* BLOCK is about to be freed (FREE) or given to realloc (RELEASE). True: it was recorded. */
bool csa_record_free(const void *block, enum cs_record_kind kind);

/*
 * The same for whatever is not on the quick way (hot_quick.c). SEARCHED: the stack is not one
 * that is recognised.
 */
void csa_record_alloc_slow(const void *block, size_t size, const struct csa_frame *at,
                           bool searched);
void csa_record_free_slow(const void *block, enum cs_record_kind kind);

/* The realloc of BLOCK, whose release was recorded, has failed. */
void csa_record_restore(const void *block);

/* ---- behind the entry points ---- */
void *csa_malloc_slow(size_t size);
void *csa_calloc_slow(size_t count, size_t size);
void *csa_realloc_slow(void *block, size_t size, bool due);
void *csa_memalign_slow(size_t alignment, size_t size);
void *csa_aligned_alloc_slow(size_t alignment, size_t size);
void *csa_valloc_slow(size_t size);
void *csa_pvalloc_slow(size_t size);
int csa_posix_memalign_slow(void **block, size_t alignment, size_t size);
void csa_free_slow(void *block);
void csa_free_sized_slow(void *block, size_t size);
void csa_free_aligned_sized_slow(void *block, size_t alignment, size_t size);

void *csa_mmap_slow(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
int csa_munmap_slow(void *start, size_t bytes);
void *csa_mremap_slow(void *start, size_t old_bytes, size_t bytes, int flags, void *at);
int csa_brk_slow(void *end);
void *csa_sbrk_slow(intptr_t by);
int csa_dlclose_slow(void *library);

/* The allocator's own entry points beyond the standard ones (foreign.c). */
void csa_foreign_bind(void);

#endif
