/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: a program whose executable defines malloc itself: its calls can't be seen from outside,
 * which has to be said, and no call may go half to its allocator and half to libc's.
 */
#include <pthread.h>
#include <stddef.h>

#include "target.h"

static char pool[32 << 20] __attribute__((aligned(4096)));
static size_t used;
static unsigned calls;

static void *take(size_t alignment, size_t bytes)
{
	size_t want = bytes + 16 + alignment;
	size_t at = __atomic_fetch_add(&used, (want + 15) & ~(size_t)15, __ATOMIC_RELAXED);

	__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
	check(at + want < sizeof(pool));
	uintptr_t start = ((uintptr_t)pool + at + 16 + alignment - 1) & ~(uintptr_t)(alignment - 1);
	((size_t *)start)[-1] = bytes;
	return (void *)start;
}

void *malloc(size_t bytes)
{
	return take(16, bytes);
}

void free(void *block)
{
	check(block == NULL || ((char *)block > pool && (char *)block < pool + sizeof(pool)));
}

void *calloc(size_t count, size_t bytes)
{
	return take(16, count * bytes); /* never used twice: still zero */
}

void *realloc(void *block, size_t bytes)
{
	void *moved = take(16, bytes);

	if (block != NULL) {
		size_t old = ((size_t *)block)[-1];

		check((char *)block > pool && (char *)block < pool + sizeof(pool));
		memcpy(moved, block, old < bytes ? old : bytes);
	}
	return moved;
}

void *memalign(size_t alignment, size_t bytes)
{
	return take(alignment < 16 ? 16 : alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
	return memalign(alignment, bytes);
}

int posix_memalign(void **block, size_t alignment, size_t bytes)
{
	*block = memalign(alignment, bytes);
	return 0;
}

static void *thread_main(void *unused)
{
	char *text = NULL;

	for (int i = 0; i < 500; i++) {
		check(asprintf(&text, "%d by libc", i) > 0); /* libc's own calls reach it, too */
		free(text);
		free(realloc(strdup("a text"), 100));
	}
	return unused;
}

int main(void)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		check(pthread_create(&threads[i], NULL, thread_main, NULL) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	check(calls > 2000);
	say("its own malloc served it\n");
	return 0;
}
