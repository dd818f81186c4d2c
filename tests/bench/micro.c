/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of free and malloc at the end of 1,024 different call paths, 20 frames deep, sizes 16
 * to 1,428 bytes (722 on average), 64 blocks live a thread. The worst case for a profiler that
 * hopes to see the last stack again: paths differ from the outermost frame on.
 *
 * micro THREADS PAIRS DEPTH: prints the CPU time of a pair in ns, start-up and end left out.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LIVE 64u
#define THREADS_MAX 64
#define NOINLINE __attribute__((noinline))
#define KEEP_FRAME() __asm__ volatile("")

struct worker {
	uint64_t random;
	void *blocks[LIVE];
	unsigned next;
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
		unsigned slot = worker->next++ % LIVE;

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

	for (long i = 0; i < worker->pairs / 20; i++) /* warms up everything */
		descend(worker, worker->depth, (unsigned)draw(worker) & 1023);
	double start = cpu_seconds();

	for (long i = 0; i < worker->pairs; i++)
		descend(worker, worker->depth, (unsigned)draw(worker) & 1023);
	worker->seconds = cpu_seconds() - start;
	for (unsigned i = 0; i < LIVE; i++)
		free(worker->blocks[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	pthread_t threads[THREADS_MAX];
	int count = argc > 1 ? atoi(argv[1]) : 1;
	double sum = 0;

	if (count < 1 || count > THREADS_MAX)
		return 2;
	for (int i = 0; i < count; i++) {
		workers[i].random = UINT64_C(88172645463325252) + (uint64_t)i;
		workers[i].pairs = argc > 2 ? atol(argv[2]) : 2000000;
		workers[i].depth = argc > 3 ? atoi(argv[3]) : 20;
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		sum += workers[i].seconds / (double)workers[i].pairs;
	}
	printf("%.2f\n", sum / count * 1e9);
	return 0;
}
