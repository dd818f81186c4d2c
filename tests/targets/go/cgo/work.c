/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cgo.go calls: CPU time in functions with a frame pointer and in ones without.
 */
#include <stdint.h>
#include <unistd.h>

#define BARE __attribute__((noinline))
#define FRAMED __attribute__((noinline, optimize("no-omit-frame-pointer")))

extern void workInGo(void);

static inline __attribute__((always_inline)) uint64_t spin(uint64_t seed)
{
	for (int i = 0; i < 3000000; i++)
		seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed;
}

FRAMED uint64_t framed_inner(uint64_t seed)
{
	return spin(seed) + 1;
}

FRAMED uint64_t framed_outer(uint64_t seed)
{
	return framed_inner(seed) * 3;
}

/* Uses the registers that Go keeps its goroutine and its frames in for itself, as it may. */
BARE uint64_t bare_inner(uint64_t seed)
{
	__asm__ volatile("xor %%ebp, %%ebp\n\txor %%r14d, %%r14d" ::: "rbp", "r14");
	return spin(seed) + 2;
}

BARE uint64_t bare_outer(uint64_t seed)
{
	return bare_inner(seed) * 5;
}

FRAMED void calls_back(void)
{
	workInGo();
	__asm__ volatile("" ::: "memory"); /* no jump in place of the call */
}

BARE int wait_in_c(int fd)
{
	char byte;
	int got = (int)read(fd, &byte, 1);

	__asm__ volatile("" ::: "memory");
	return got;
}
