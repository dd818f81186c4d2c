/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behind the C++ entry points: sampled calls of an allocator's own operators, and programs
 * whose C++ runtime can't be found.
 */
#ifndef CSA_HEAP_CXX_H
#define CSA_HEAP_CXX_H

#include <stddef.h>
#include <stdint.h>

#include "heap/real.h"

/* What libstdc++'s aligned new does when all goes well; else NULL. */
void *csa_cxx_aligned(size_t size, size_t alignment);

/* ALIGNMENT and NOTHROW as WHICH takes them, else 0 and NULL. May throw if WHICH may. */
void *csa_new_slow(size_t size, size_t alignment, const void *nothrow, enum csa_cxx which);

/* A and B: what WHICH takes besides BLOCK. */
void csa_delete_slow(void *block, uintptr_t a, uintptr_t b, enum csa_cxx which);

#endif
