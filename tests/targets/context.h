/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many coroutines by swapcontext: their stacks, and how each is begun with a pointer, which
 * makecontext passes on in two halves.
 */
#ifndef TARGET_CONTEXT_H
#define TARGET_CONTEXT_H

#include <sys/mman.h>
#include <ucontext.h>

#include "target.h"

/* COUNT stacks in one pool: a mapping for each would meet vm.max_map_count. */
static inline char *context_stacks(size_t count, size_t stack_bytes)
{
	void *stacks = mmap(NULL, count * stack_bytes, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	check(stacks != MAP_FAILED);
	return (char *)stacks;
}

/* CONTEXT begins with BODY, is told ARGUMENT, and goes on with LINK when that returns. */
static inline void context_make(ucontext_t *context, char *stack, size_t stack_bytes,
                                ucontext_t *link, void (*body)(unsigned low, unsigned high),
                                void *argument)
{
	check(getcontext(context) == 0);
	context->uc_stack.ss_sp = stack;
	context->uc_stack.ss_size = stack_bytes;
	context->uc_link = link;
	makecontext(context, (void (*)(void))body, 2, (unsigned)(uintptr_t)argument,
	            (unsigned)((uintptr_t)argument >> 32));
}

static inline void *context_argument(unsigned low, unsigned high)
{
	return (void *)((uintptr_t)high << 32 | low);
}

#endif
