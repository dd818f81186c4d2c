/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: a program that limits itself: no larger files (SIGXFSZ in whoever extends one), no more
 * descriptors, little address space. What the agent can't have it does without.
 */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "target.h"

SITE void *site_limited(size_t n)
{
	return malloc(n);
}

static void *thread_main(void *unused)
{
	for (int i = 0; i < 2000; i++)
		free(site_limited(100));
	return unused;
}

static void limit(int what, rlim_t to)
{
	struct rlimit limit = {to, to};

	check(setrlimit((__rlimit_resource_t)what, &limit) == 0);
}

static void work(const char *name)
{
	pthread_t threads[6];
	pid_t pid;
	int status;

	for (int i = 0; i < 6; i++)
		check(pthread_create(&threads[i], NULL, thread_main, NULL) == 0);
	for (int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	pid = fork();
	if (pid == 0) {
		thread_main(NULL);
		_exit(8);
	}
	check(waitpid(pid, &status, 0) == pid);
	say("%s: child %d\n", name,
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "none";

	free(site_limited(10));
	if (strcmp(what, "fsize") == 0)
		limit(RLIMIT_FSIZE, 4096);
	else if (strcmp(what, "nofile") == 0)
		limit(RLIMIT_NOFILE, 3);
	else if (strcmp(what, "as") == 0)
		limit(RLIMIT_AS, (rlim_t)512 << 20);
	else if (strcmp(what, "memlock") == 0)
		limit(RLIMIT_MEMLOCK, 0);
	else if (strcmp(what, "core") == 0)
		limit(RLIMIT_CORE, 0);
	work(what);
	return 0;
}
