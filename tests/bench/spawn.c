/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What starting a program costs: starts itself COUNT times, one after the other, and waits
 * for each. Prints the median time from the start to the end of such a child in µs. Under a
 * recorder the children load its agent too.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#define COUNT_MAX 10000

extern char **environ;

static double now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static double times[COUNT_MAX];
	int count = argc > 1 ? atoi(argv[1]) : 0;
	char *child[] = {argv[0], NULL};

	if (count < 1 || count > COUNT_MAX) {
		free(malloc(1)); /* a child: allocates once and ends */
		return 0;
	}
	for (int i = 0; i < count; i++) {
		double start = now_us();
		int status;
		pid_t pid;

		if (posix_spawn(&pid, argv[0], NULL, NULL, child, environ) ||
		    waitpid(pid, &status, 0) != pid || status)
			return 1;
		times[i] = now_us() - start;
	}
	qsort(times, (size_t)count, sizeof(times[0]), by_value);
	printf("%.1f\n", times[count / 2]);
	return 0;
}
