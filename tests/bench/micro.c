/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of free and malloc at the end of 1,024 different call paths, 20 frames deep, sizes 16
 * to 1,428 bytes (722 on average), 64 blocks live a thread. The worst case for a profiler that
 * hopes to see the last stack again: paths differ from the outermost frame on.
 *
 * micro THREADS PAIRS [DEPTH [LIVE]]: prints the CPU time of a pair in ns, start-up and end
 * left out.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LIVE_MAX (1u << 20)
#define THREADS_MAX 64
#define NOINLINE __attribute__((noinline))
#define KEEP_FRAME() __asm__ volatile("")

/* In cache lines of its own: threads share nothing here but what the allocator lets them. */
struct worker {
	_Alignas(128) uint64_t random;
	void **blocks;
	unsigned next, live;
	double seconds;
	long pairs;
	int depth;
};

static uint64_t draw(struct worker *worker)
{
	worker->random ^= worker->random << 13;
	worker->random ^= worker->random >> 7;
	worker->random ^= worker->random << 17;
	return worker->random;
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
	if (depth <= 0) {
		unsigned slot = worker->next++ % worker->live;

		free(worker->blocks[slot]);
		worker->blocks[slot] = malloc(16 + (draw(worker) >> 20) % 1413);
	} else if (path & 1) {
		right(worker, depth - 1, path);
	} else {
		left(worker, depth - 1, path);
	}
	KEEP_FRAME();
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	double start;

	/* Warms up everything. */
	for (long i = 0; i < worker->pairs / 20 || i < (long)worker->live; i++)
		descend(worker, worker->depth, (unsigned)draw(worker) & 1023);
	start = cpu_seconds();
	for (long i = 0; i < worker->pairs; i++)
		descend(worker, worker->depth, (unsigned)draw(worker) & 1023);
	worker->seconds = cpu_seconds() - start;
	for (unsigned i = 0; i < worker->live; i++)
		free(worker->blocks[i]);
	return NULL;
}

static long argument(int argc, char **argv, int index, long otherwise)
{
	return argc > index ? atol(argv[index]) : otherwise;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	static void *blocks[THREADS_MAX][LIVE_MAX]; /* not of the heap that is measured */
	pthread_t threads[THREADS_MAX];
	long count = argument(argc, argv, 1, 1), live = argument(argc, argv, 4, 64);
	double sum = 0;

	if (count < 1 || count > THREADS_MAX || live < 1 || live > (long)LIVE_MAX)
		return 2;
	for (long i = 0; i < count; i++) {
		workers[i] = (struct worker){
			.random = UINT64_C(88172645463325252) + (uint64_t)i,
			.blocks = blocks[i],
			.live = (unsigned)live,
			.pairs = argument(argc, argv, 2, 2000000),
			.depth = (int)argument(argc, argv, 3, 20),
		};
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	for (long i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		sum += workers[i].seconds / (double)workers[i].pairs;
	}
	printf("%.2f\n", sum / (double)count * 1e9);
	return 0;
}
