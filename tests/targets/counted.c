/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocates and frees until it is killed, or LIMIT times, and keeps count in a file that
 * outlives it: what a trace holds of a killed program can be compared with what it had done.
 * Behind the counts is a number that ends it when it is not 0.
 *
 * counted FILE THREADS LIMIT PAUSE_US
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include "target.h"

#define THREADS_MAX 16
#define KEPT 64

struct count {
	_Alignas(64) volatile uint64_t allocated; /* both after the deed */
	volatile uint64_t freed;
};

static struct count *counts; /* and one more: see the top */
static unsigned long limit, pause_us;

SITE void *site_counted(size_t bytes)
{
	return malloc(bytes);
}

static void *work(void *argument)
{
	struct count *count = argument;
	void *kept[KEPT] = {0};

	for (unsigned long i = 0; i < limit && !counts[THREADS_MAX].allocated; i++) {
		void **slot = &kept[i % KEPT];

		if (*slot) {
			free(*slot);
			count->freed++;
		}
		*slot = site_counted(100);
		count->allocated++;
		if (pause_us && i % 64 == 0)
			usleep((unsigned)pause_us);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned threads = (unsigned)argument(argc, argv, 2, 2);
	size_t bytes = (THREADS_MAX + 1) * sizeof(struct count);
	pthread_t ids[THREADS_MAX];

	check(argc > 1 && threads <= THREADS_MAX);
	limit = argument(argc, argv, 3, 1000000);
	pause_us = argument(argc, argv, 4, 0);
	int fd = open(argv[1], O_RDWR | O_CREAT, 0600);

	check(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
	counts = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(counts != MAP_FAILED);
	for (unsigned i = 0; i < threads; i++)
		check(pthread_create(&ids[i], NULL, work, &counts[i]) == 0);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	say("%u threads, %lu each\n", threads, limit);
	return 0;
}
