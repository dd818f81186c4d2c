/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: many allocation paths. Two threads allocate at the end of 1,024 call paths, 20 frames
 * deep, that differ from the outermost frame on, in sizes of which hardly two are the same.
 * heaptrack 1.4 dies of memory on it. Keeps books by path and prints them: which functions,
 * step_0 and step_1, lead there, outermost first, and what the path holds and allocated. The
 * argument says how many blocks a thread allocates.
 */
/* cs-cflags: -fno-optimize-sibling-calls -fno-inline */
#include <pthread.h>

#include "books.h"

#define PATH_BITS 10
#define PATHS (1u << PATH_BITS)
#define DEPTH 20
#define LIVE 500
#define THREADS 2

struct worker {
	uint64_t random;
	struct block blocks[LIVE];
	long count;
};

static struct book_site paths[PATHS];
static volatile int keep; /* work behind the calls: they stay on the stack */

static void step(struct worker *worker, int depth, unsigned path);

SITE void step_0(struct worker *worker, int depth, unsigned path)
{
	step(worker, depth, path);
	keep++;
}

SITE void step_1(struct worker *worker, int depth, unsigned path)
{
	step(worker, depth, path);
	keep++;
}

SITE void allocate(struct worker *worker, unsigned path)
{
	struct block *block = &worker->blocks[random_below(&worker->random, LIVE)];
	size_t bytes = 16 + random_below(&worker->random, 1413);

	if (block->address) {
		void *address = block->address;

		book_release(block);
		free(address);
	}
	book_alloc(block, &paths[path], malloc(bytes), bytes);
	keep++;
}

/* The path's highest bit is the outermost step; below the last one all is the same. */
SITE void step(struct worker *worker, int depth, unsigned path)
{
	if (depth == DEPTH)
		allocate(worker, path);
	else if (depth < PATH_BITS && path >> (PATH_BITS - 1 - depth) & 1)
		step_1(worker, depth + 1, path);
	else
		step_0(worker, depth + 1, path);
	keep++;
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	for (long i = 0; i < worker->count; i++)
		step(worker, 0, (unsigned)(i + (long)random_below(&worker->random, 7)) % PATHS);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		workers[i].random = (uint64_t)i + 1;
		workers[i].count = argc > 1 ? atol(argv[1]) : 100000;
		check(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++)
		check(pthread_join(threads[i], NULL) == 0);
	for (unsigned i = 0; i < PATHS; i++)
		say("%u %llu %llu %llu %llu\n", i,
		    (unsigned long long)(paths[i].alloc_bytes - paths[i].free_bytes),
		    (unsigned long long)(paths[i].alloc_objects - paths[i].free_objects),
		    (unsigned long long)paths[i].alloc_bytes,
		    (unsigned long long)paths[i].alloc_objects);
	return 0;
}
