/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocates at full speed for a fixed number of operations, whatever happens to the recorder;
 * the sum of what it read back from its blocks shows that they were its own.
 *
 * churn THREADS OPERATIONS [PAUSE_MS_BEFORE]
 */
#include <pthread.h>

#include "target.h"

static unsigned long operations;

SITE void *site_churn(size_t n)
{
	return malloc(n);
}

static void *work(void *argument)
{
	uint64_t random = (uintptr_t)argument + 1, sum = 0;
	unsigned char *blocks[256] = {0};
	size_t sizes[256] = {0};

	for (unsigned long i = 0; i < operations; i++) {
		uint64_t slot = random_below(&random, 256);
		unsigned char *p = blocks[slot];

		if (p != NULL) {
			check(p[0] == (unsigned char)slot &&
			      p[sizes[slot] - 1] == (unsigned char)slot);
			sum += sizes[slot];
			free(p);
		}
		sizes[slot] = 2 + random_below(&random, 600);
		p = blocks[slot] = site_churn(sizes[slot]);
		p[0] = p[sizes[slot] - 1] = (unsigned char)slot;
	}
	return (void *)(uintptr_t)sum;
}

int main(int argc, char **argv)
{
	unsigned long count = argument(argc, argv, 1, 2);
	pthread_t threads[64];
	uintptr_t sum = 0;

	operations = argument(argc, argv, 2, 1000000);
	check(count <= 64);
	sleep_ms((unsigned)argument(argc, argv, 3, 0));
	for (unsigned long i = 0; i < count; i++)
		check(pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i) == 0);
	for (unsigned long i = 0; i < count; i++) {
		void *part;

		pthread_join(threads[i], &part);
		sum += (uintptr_t)part;
	}
	say("sum %lu\n", (unsigned long)sum);
	return 3;
}
