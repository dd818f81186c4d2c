/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry points for mappings, the break and dlclose. Jumps only, so that the functions
 * behind see the program's frame.
 */
#include "heap/hook.h"

/* libc's declarations promise what holds for libc, not for us: these stand on their own. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#define EXPORT __attribute__((visibility("default")))

EXPORT void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	return csa_mmap_slow(at, bytes, protection, flags, fd, offset);
}

EXPORT void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	return csa_mmap_slow(at, bytes, protection, flags, fd, offset);
}

EXPORT int munmap(void *start, size_t bytes)
{
	return csa_munmap_slow(start, bytes);
}

/* The fifth argument is there only with MREMAP_FIXED: passing it on does no harm. */
EXPORT void *mremap(void *start, size_t old_bytes, size_t bytes, int flags, void *at)
{
	return csa_mremap_slow(start, old_bytes, bytes, flags, at);
}

EXPORT int brk(void *end)
{
	return csa_brk_slow(end);
}

EXPORT void *sbrk(intptr_t by)
{
	return csa_sbrk_slow(by);
}

EXPORT int dlclose(void *library)
{
	return csa_dlclose_slow(library);
}
