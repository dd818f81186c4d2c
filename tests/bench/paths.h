/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 1,024 different call paths, 20 frames deep, with a pair of free and malloc at the end of each:
 * sizes 16 to 1,428 bytes, 722 on average. The worst case for a profiler that hopes to see the
 * last stack again: paths differ from the outermost frame on.
 *
 * Who includes it says what a pair is, in `static inline void pair(struct worker *)`.
 */
#ifndef CS_BENCH_PATHS_H
#define CS_BENCH_PATHS_H

#include <stdint.h>
#include <time.h>

#define NOINLINE __attribute__((noinline))
#define KEEP_FRAME() __asm__ volatile("")

struct worker;
static inline void pair(struct worker *worker);

/* Each thread has its own. */
static inline uint64_t draw(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static inline size_t draw_size(uint64_t *random)
{
	return 16 + (draw(random) >> 20) % 1413;
}

static inline unsigned draw_path(uint64_t *random)
{
	return (unsigned)draw(random) & 1023;
}

static void descend(struct worker *worker, int depth, unsigned path);

NOINLINE static void left(struct worker *worker, int depth, unsigned path)
{
	descend(worker, depth - 1, path >> 1);
	KEEP_FRAME();
}

NOINLINE static void right(struct worker *worker, int depth, unsigned path)
{
	descend(worker, depth - 1, path >> 1);
	KEEP_FRAME();
}

NOINLINE static void descend(struct worker *worker, int depth, unsigned path)
{
	if (depth <= 0)
		pair(worker);
	else if (path & 1)
		right(worker, depth - 1, path);
	else
		left(worker, depth - 1, path);
	KEEP_FRAME();
}

/* Of this thread. */
static inline double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

#endif
