/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program calls instead of its allocator. The unsampled path is here, whole: one
 * thread-local subtraction and a branch for an allocation, one load and a branch for a free,
 * then a jump to the real function. Everything else is a jump to hook.c.
 */
#include <errno.h>
#include <stddef.h>

#include "heap/hook.h"
#include "heap/real.h"
#include "heap/sampler.h"

/* libc's declarations promise what holds for libc, not for us: these stand on their own. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#define EXPORT __attribute__((visibility("default")))
#define LIKELY(x) __builtin_expect(!!(x), 1)

EXPORT void *malloc(size_t size)
{
	if (LIKELY(!csa_take_bytes(size)))
		return csa_real.malloc(size);
	return csa_malloc_slow(size);
}

EXPORT void free(void *block)
{
	if (LIKELY(!csa_perhaps_recorded(block))) {
		csa_real.free(block);
		return;
	}
	csa_free_slow(block);
}

EXPORT void *calloc(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || LIKELY(!csa_take_bytes(bytes)))
		return csa_real.calloc(count, size);
	return csa_calloc_slow(count, size);
}

EXPORT void *realloc(void *block, size_t size)
{
	bool due = csa_take_bytes(size);

	if (LIKELY(!due && !csa_perhaps_recorded(block)))
		return csa_real.realloc(block, size);
	return csa_realloc_slow(block, size, due);
}

/* glibc's own would call realloc, that is us, again. */
EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	bool due = csa_take_bytes(bytes);

	if (LIKELY(!due && !csa_perhaps_recorded(block)))
		return csa_real.realloc(block, bytes);
	return csa_realloc_slow(block, bytes, due);
}

EXPORT int posix_memalign(void **block, size_t alignment, size_t size)
{
	if (LIKELY(!csa_take_bytes(size)))
		return csa_real.posix_memalign(block, alignment, size);
	return csa_posix_memalign_slow(block, alignment, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	if (LIKELY(!csa_take_bytes(size)))
		return csa_real.aligned_alloc(alignment, size);
	return csa_aligned_alloc_slow(alignment, size);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
	if (LIKELY(!csa_take_bytes(size)))
		return csa_real.memalign(alignment, size);
	return csa_memalign_slow(alignment, size);
}

EXPORT void *valloc(size_t size)
{
	if (LIKELY(!csa_take_bytes(size)))
		return csa_real.valloc(size);
	return csa_valloc_slow(size);
}

EXPORT void *pvalloc(size_t size)
{
	if (LIKELY(!csa_take_bytes(size)))
		return csa_real.pvalloc(size);
	return csa_pvalloc_slow(size);
}

EXPORT void free_sized(void *block, size_t size)
{
	csa_free_sized_slow(block, size);
}

EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size)
{
	csa_free_aligned_sized_slow(block, alignment, size);
}
