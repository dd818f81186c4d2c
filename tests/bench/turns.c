/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What whoever has put himself before the allocator adds to a pair of free and malloc, at the ends
 * of the call paths of paths.h. Pairs through him and pairs of the allocator itself take turns of
 * two milliseconds in one process: they have the same pages, the same layout and the same
 * neighbours on the machine, by which two processes differ more than by what is measured.
 * Each way has 64 blocks of its own, so that a block ends the way in which it began. A turn is
 * long enough to have samples, if there are any, in their proportion.
 *
 * turns LIBRARY THREADS PAIRS: prints the CPU time of a pair by LIBRARY itself, and by how much
 * more a pair through him takes, in ns: medians of the turns of all threads.
 */
#include "itself.h"
#include "paths.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define LIVE 64u
#define DEPTH 20
#define TURN 10000 /* pairs */
#define TURNS_MAX 4096
#define THREADS_MAX 8

struct way {
	void *(*allocate)(size_t bytes);
	void (*release)(void *block);
};

/* In cache lines of its own. */
struct worker {
	_Alignas(128) uint64_t random;
	const struct way *way;
	void **blocks; /* of this way */
	unsigned next;
	void *all[2][LIVE];
};

struct thread {
	pthread_t id;
	const struct way *ways; /* itself; through him */
	uint64_t seed;
	unsigned turns;
	double bare[TURNS_MAX], more[TURNS_MAX];
};

static inline void pair(struct worker *worker)
{
	unsigned slot = worker->next++ % LIVE;

	worker->way->release(worker->blocks[slot]);
	worker->blocks[slot] = worker->way->allocate(draw_size(&worker->random));
}

static double turn_ns(struct worker *worker, const struct way *ways, bool with, long pairs)
{
	double start = cpu_seconds();

	worker->way = &ways[with];
	worker->blocks = worker->all[with];
	for (long i = 0; i < pairs; i++)
		descend(worker, DEPTH, draw_path(&worker->random));
	return (cpu_seconds() - start) / (double)pairs * 1e9;
}

static void *work(void *argument)
{
	struct thread *thread = argument;
	struct worker worker = {.random = thread->seed};

	for (int with = 0; with < 2; with++)
		turn_ns(&worker, thread->ways, with, 20 * TURN);
	for (unsigned turn = 0; turn < thread->turns; turn++) {
		double ns[2];

		for (unsigned half = 0; half < 2; half++) {
			bool with = (half + turn) % 2;

			turn_ns(&worker, thread->ways, with, LIVE);
			ns[with] = turn_ns(&worker, thread->ways, with, TURN);
		}
		thread->bare[turn] = ns[0];
		thread->more[turn] = ns[1] - ns[0];
	}
	for (int with = 0; with < 2; with++) {
		for (unsigned i = 0; i < LIVE; i++)
			thread->ways[with].release(worker.all[with][i]);
	}
	return NULL;
}

static int by_value(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

int main(int argc, char **argv)
{
	static struct thread threads[THREADS_MAX];
	static double bare[THREADS_MAX * TURNS_MAX], more[THREADS_MAX * TURNS_MAX];
	int count = argc == 4 ? atoi(argv[2]) : 0;
	long turns = argc == 4 ? atol(argv[3]) / TURN : 0;
	struct way ways[2];
	size_t all = 0;

	if (count < 1 || count > THREADS_MAX || turns < 1 || turns > TURNS_MAX)
		return 2;
	ways[0].allocate = (void *(*)(size_t))itself(argv[1], "malloc");
	ways[0].release = (void (*)(void *))itself(argv[1], "free");
	ways[1] = (struct way){malloc, free};
	for (int i = 0; i < count; i++) {
		threads[i].ways = ways;
		threads[i].seed = UINT64_C(88172645463325252) + (uint64_t)i;
		threads[i].turns = (unsigned)turns;
		pthread_create(&threads[i].id, NULL, work, &threads[i]);
	}
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i].id, NULL);
		memcpy(bare + all, threads[i].bare, (size_t)turns * sizeof(*bare));
		memcpy(more + all, threads[i].more, (size_t)turns * sizeof(*more));
		all += (size_t)turns;
	}
	printf("%.2f %.2f\n", median(bare, all), median(more, all));
	return 0;
}
