/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cs-cflags: -O2 -fomit-frame-pointer
 *
 * Threads that use CPU time in known shares, each in a function of its own: alone 4, 3, 2 and
 * 1 parts; by its own clock, so that shares hold however busy the machine is. Prints what each
 * used, in ns. Arguments: milliseconds of one part; "fork": the shares are processes.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t part_ns;
static volatile uint64_t sink;

static uint64_t cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

__attribute__((noinline)) static uint64_t churn(uint64_t seed)
{
	for (int i = 0; i < 200000; i++)
		seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed;
}

/* Not a tail call: the caller stays on the stack. */
#define SHARE(name, parts)                                   \
	__attribute__((noinline)) static uint64_t name(void) \
	{                                                    \
		uint64_t start = cpu_ns();                   \
		while (cpu_ns() - start < (parts)*part_ns)   \
			sink += churn(sink);                 \
		return cpu_ns() - start;                     \
	}
SHARE(share_four, 4)
SHARE(share_three, 3)
SHARE(share_two, 2)
SHARE(share_one, 1)

static uint64_t (*const shares[])(void) = {share_four, share_three, share_two, share_one};
static const char *const names[] = {"share_four", "share_three", "share_two", "share_one"};
static uint64_t used[4];

static void *work(void *index)
{
	uintptr_t i = (uintptr_t)index;

	used[i] = shares[i]();
	return NULL;
}

static void run_threads(void)
{
	pthread_t threads[4];

	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 4; i++)
		printf("%s %llu\n", names[i], (unsigned long long)used[i]);
}

static void run_processes(void)
{
	for (int i = 0; i < 4; i++) {
		fflush(stdout);
		if (fork() == 0) {
			free(malloc(100));
			printf("%s %llu\n", names[i], (unsigned long long)shares[i]());
			fflush(stdout);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
}

int main(int argc, char **argv)
{
	part_ns = (argc > 1 ? strtoull(argv[1], NULL, 10) : 100) * 1000000u;
	if (argc > 2 && !strcmp(argv[2], "fork"))
		run_processes();
	else
		run_threads();
	return 0;
}
