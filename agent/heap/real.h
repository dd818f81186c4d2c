/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that really serve: what the program would have called without us. Each
 * starts as a stand-in that finds them all and then calls the real one, so they work from
 * the very first call, before any constructor.
 */
#ifndef CSA_HEAP_REAL_H
#define CSA_HEAP_REAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct csa_real {
	void *(*malloc)(size_t size);
	void (*free)(void *block);
	void *(*calloc)(size_t count, size_t size);
	void *(*realloc)(void *block, size_t size);
	int (*posix_memalign)(void **block, size_t alignment, size_t size);
	void *(*aligned_alloc)(size_t alignment, size_t size);
	void *(*memalign)(size_t alignment, size_t size);
	void *(*valloc)(size_t size);
	void *(*pvalloc)(size_t size);
	/* NULL where libc has none: free serves. */
	void (*free_sized)(void *block, size_t size);
	void (*free_aligned_sized)(void *block, size_t alignment, size_t size);

	void *(*mmap)(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
	int (*munmap)(void *start, size_t bytes);
	void *(*mremap)(void *start, size_t old_bytes, size_t bytes, int flags, void *at);
	int (*brk)(void *end);
	void *(*sbrk)(intptr_t by);
	int (*dlclose)(void *library);
};

extern struct csa_real csa_real __attribute__((visibility("hidden")));

/* C++: looked up when first called, for libstdc++ may be loaded late and locally. */
enum csa_cxx {
	CSA_NEW,
	CSA_NEW_ARRAY,
	CSA_NEW_NOTHROW,
	CSA_NEW_ARRAY_NOTHROW,
	CSA_NEW_ALIGNED,
	CSA_NEW_ARRAY_ALIGNED,
	CSA_NEW_ALIGNED_NOTHROW,
	CSA_NEW_ARRAY_ALIGNED_NOTHROW,
	CSA_DELETE,
	CSA_DELETE_ARRAY,
	CSA_DELETE_SIZED,
	CSA_DELETE_ARRAY_SIZED,
	CSA_DELETE_NOTHROW,
	CSA_DELETE_ARRAY_NOTHROW,
	CSA_DELETE_ALIGNED,
	CSA_DELETE_ARRAY_ALIGNED,
	CSA_DELETE_SIZED_ALIGNED,
	CSA_DELETE_ARRAY_SIZED_ALIGNED,
	CSA_DELETE_ALIGNED_NOTHROW,
	CSA_DELETE_ARRAY_ALIGNED_NOTHROW,
	CSA_CXX_COUNT
};

enum csa_cxx_kind {
	CSA_CXX_PASSED,   /* somebody's own: passed on; what it calls in the end is hooked */
	CSA_CXX_STANDARD, /* a C++ runtime's: malloc or aligned_alloc, and free */
	CSA_CXX_ALLOCATOR /* an allocator's: it serves by itself */
};

struct csa_cxx_real {
	void *function; /* NULL: not found yet */
	enum csa_cxx_kind kind;
};

extern struct csa_cxx_real csa_cxx_real[CSA_CXX_COUNT] __attribute__((visibility("hidden")));

/* Finds WHICH; NULL: no C++ runtime is loaded. */
void *csa_cxx_find(enum csa_cxx which);

/* Makes csa_real usable; at the first call of any of them. */
void csa_real_find(void);

#endif
