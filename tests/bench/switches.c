/* SPDX-License-Identifier: Apache-2.0 */
/*
 * busy: CPU milliseconds of a fixed piece of work; switch: ns for each switch between two
 * threads; fork: us for each process that ends at once. Printed on one line.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int there[2], back[2];

static double now_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void *answer(void *unused)
{
	char byte;

	(void)unused;
	while (read(there[0], &byte, 1) == 1)
		if (write(back[1], &byte, 1) != 1)
			break;
	return NULL;
}

static double busy(void)
{
	double start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	volatile uint64_t sum = 0;

	for (uint64_t i = 0; i < 1500000000; i++)
		sum += i;
	return (now_ns(CLOCK_PROCESS_CPUTIME_ID) - start) / 1e6;
}

static double switches(void)
{
	const int rounds = 200000;
	pthread_t thread;
	char byte = 0;
	double start;

	if (pipe(there) || pipe(back) || pthread_create(&thread, NULL, answer, NULL))
		return -1;
	start = now_ns(CLOCK_MONOTONIC);
	for (int i = 0; i < rounds; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			return -1;
	double ns = (now_ns(CLOCK_MONOTONIC) - start) / rounds / 2;

	close(there[1]);
	pthread_join(thread, NULL);
	return ns;
}

static double forks(void)
{
	const int rounds = 1000;
	double start = now_ns(CLOCK_MONOTONIC);

	for (int i = 0; i < rounds; i++) {
		if (fork() == 0)
			_exit(0);
		wait(NULL);
	}
	return (now_ns(CLOCK_MONOTONIC) - start) / 1e3 / rounds;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "busy";

	printf("%f\n", !strcmp(what, "switch") ? switches()
	               : !strcmp(what, "fork") ? forks()
	                                       : busy());
	return 0;
}
