/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls without libc: they return -errno, touch no errno, are no cancellation points,
 * allocate nothing and can't be interposed by the program. x86-64.
 */
#ifndef CSA_CORE_SYS_H
#define CSA_CORE_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

/*
 * The program has locked itself in with seccomp: any system call of ours may now kill it.
 * All of them fail with -EPERM from then on; what needs none goes on.
 */
extern bool csa_sandboxed __attribute__((visibility("hidden")));

static inline long csa_sys6(long number, long a, long b, long c, long d, long e, long f)
{
	long result;

	if (__builtin_expect(csa_sandboxed, 0)) /* first: a call in between may use r8 to r10 */
		return -1;                      /* -EPERM */
	register long r10 __asm__("r10");
	register long r8 __asm__("r8");
	register long r9 __asm__("r9");

	r10 = d;
	r8 = e;
	r9 = f;
	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
	return result;
}

/* Whether what a call returned is -errno. */
static inline bool csa_sys_failed(long result)
{
	return (unsigned long)result > -4096ul;
}

#define csa_sys0(n) csa_sys6(n, 0, 0, 0, 0, 0, 0)
#define csa_sys1(n, a) csa_sys6(n, (long)(a), 0, 0, 0, 0, 0)
#define csa_sys2(n, a, b) csa_sys6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define csa_sys3(n, a, b, c) csa_sys6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define csa_sys4(n, a, b, c, d) csa_sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

/* Private anonymous memory, zeroed, touched lazily; NULL when there is none. */
void *csa_map(size_t bytes);
void csa_unmap(void *start, size_t bytes);

/* The whole of a small file into BUFFER, NUL-terminated; bytes read or -errno. */
long csa_read_file(const char *path, char *buffer, size_t bytes);

/* CLOCK_MONOTONIC in ns, by vDSO or system call. */
uint64_t csa_now_ns(void);

/* All signals of the calling thread; OLD is what it had blocked before. */
void csa_signals_block(uint64_t *old);
void csa_signals_restore(const uint64_t *old);

/* The first page from LOW on, which begins one, that can't be read; HIGH: all below it can. */
uintptr_t csa_readable_until(uintptr_t low, uintptr_t high);

/* Gives the turn away to other threads; false: that has gone on for 10 ms or CSA_TURNS turns. */
#define CSA_TURNS 100000u
struct csa_patience {
	uint64_t end_ns;
	uint32_t turns;
};
bool csa_wait_a_turn(struct csa_patience *patience);

/*
 * Loads above come before loads below. The processor keeps them in order, so only the compiler
 * has to be told; a fence would say the same, and ThreadSanitizer knows no fences.
 */
static inline void csa_load_barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

#endif
