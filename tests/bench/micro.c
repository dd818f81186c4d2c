/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of free and malloc at the ends of the call paths of paths.h, 64 blocks live a thread.
 *
 * micro THREADS PAIRS [DEPTH [LIVE]]: of the THREADS one is the program's own. Prints the CPU time
 * of a pair in ns, start-up and end left out.
 */
#include "paths.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LIVE_MAX (1u << 20)
#define THREADS_MAX 64

/* In cache lines of its own: threads share nothing here but what the allocator lets them. */
struct worker {
	_Alignas(128) uint64_t random;
	void **blocks;
	unsigned next, live;
	double seconds;
	long pairs;
	int depth;
};

static inline void pair(struct worker *worker)
{
	unsigned slot = worker->next++ % worker->live;

	free(worker->blocks[slot]);
	worker->blocks[slot] = malloc(draw_size(&worker->random));
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	double start;

	/* Warms up everything. */
	for (long i = 0; i < worker->pairs / 20 || i < (long)worker->live; i++)
		descend(worker, worker->depth, draw_path(&worker->random));
	start = cpu_seconds();
	for (long i = 0; i < worker->pairs; i++)
		descend(worker, worker->depth, draw_path(&worker->random));
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
	}
	for (long i = 1; i < count; i++)
		pthread_create(&threads[i], NULL, work, &workers[i]);
	work(&workers[0]);
	for (long i = 0; i < count; i++) {
		if (i > 0)
			pthread_join(threads[i], NULL);
		sum += workers[i].seconds / (double)workers[i].pairs;
	}
	printf("%.2f\n", sum / (double)count * 1e9);
	return 0;
}
