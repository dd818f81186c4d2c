/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All threads go down the same new paths: the first tells of a stack, the others use its name.
 * Signals hold single threads up anywhere, also between the time that an allocation is noted
 * with and its stack, while others tell of that stack.
 *
 * new_paths THREADS PATHS
 */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

#include "target.h"

#define DEPTH 16
#define TIMES 2
#define HELD_UP_NS 100000
#define NEXT_NS 50000

static unsigned long threads, paths;

SITE static void site_new_path(void)
{
	for (int i = 0; i < TIMES; i++) {
		void *volatile block = malloc(24);

		free(block);
	}
}

static void turn_left(unsigned long path, int depth);
static void turn_right(unsigned long path, int depth);

static inline void turn(unsigned long path, int depth)
{
	if (depth == 0)
		site_new_path();
	else if (path >> (depth - 1) & 1)
		turn_left(path, depth - 1);
	else
		turn_right(path, depth - 1);
}

/* No tail calls: each is a frame. */
SITE static void turn_left(unsigned long path, int depth)
{
	turn(path, depth);
	__asm__ volatile("");
}

SITE static void turn_right(unsigned long path, int depth)
{
	turn(path, depth);
	__asm__ volatile("# right");
}

static __thread timer_t timer;

/* Once: under load a timer that repeats would leave no time for anything else. */
static void start_timer(void)
{
	const struct itimerspec times = {.it_value.tv_nsec = NEXT_NS};

	check(timer_settime(timer, 0, &times, NULL) == 0);
}

static void hold_up(int signal)
{
	const struct timespec rest = {.tv_nsec = HELD_UP_NS};

	(void)signal;
	nanosleep(&rest, NULL);
	start_timer();
}

static void *work(void *unused)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	check(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	start_timer();
	for (unsigned long path = 0; path < paths; path++)
		turn(path, DEPTH);
	return unused;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = hold_up, .sa_flags = SA_RESTART};
	pthread_t all[64];

	threads = argument(argc, argv, 1, 4);
	paths = argument(argc, argv, 2, 1000);
	check(threads <= 64 && sigaction(SIGUSR1, &action, NULL) == 0);
	for (unsigned long i = 0; i < threads; i++)
		check(pthread_create(&all[i], NULL, work, NULL) == 0);
	for (unsigned long i = 0; i < threads; i++)
		pthread_join(all[i], NULL);
	say("{\"allocations\": %lu}\n", threads * paths * TIMES);
	return 0;
}
