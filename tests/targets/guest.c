/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fact: the agent is a guest. Prints all that a program can easily see of itself; the output
 * is the same with and without us: signal dispositions and mask, alternate stack, threads,
 * descriptors, errno, limits, timers, environment.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "target.h"

extern char **environ;

static unsigned entries(const char *path)
{
	DIR *directory = opendir(path);
	unsigned count = 0;

	check(directory != NULL);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

static void show_signals(void)
{
	sigset_t mask, pending;
	stack_t alternate;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	sigpending(&pending);
	for (int i = 1; i < 65; i++) {
		struct sigaction action;

		if (sigaction(i, NULL, &action) != 0)
			continue;
		if (action.sa_handler != SIG_DFL)
			say("signal %d: %s\n", i,
			    action.sa_handler == SIG_IGN ? "ignored" : "handled");
		if (sigismember(&mask, i))
			say("signal %d: blocked\n", i);
		if (sigismember(&pending, i))
			say("signal %d: pending\n", i);
	}
	sigaltstack(NULL, &alternate);
	say("alternate stack: flags %d\n", alternate.ss_flags);
}

static void show_descriptors(void)
{
	int fd = open("/dev/null", O_RDONLY);

	say("next descriptor: %d, open: %u\n", fd, entries("/proc/self/fd"));
	close(fd);
	for (int i = 0; i < 256; i++) {
		if (fcntl(i, F_GETFD) >= 0 && i > 2)
			say("descriptor %d is open\n", i);
	}
}

static void show_errno(void)
{
	void *p, *q;

	errno = 1234;
	p = malloc(1 << 20);
	q = calloc(10, 10);
	p = realloc(p, 3 << 20);
	free(q);
	say("errno after success: %d\n", errno);
	free(p);
	say("errno after free: %d\n", errno);
	errno = 0;
	volatile size_t too_much = (size_t)-1 / 2;
	p = malloc(too_much);
	say("errno after failure: %d, %s\n", errno, p ? "a block" : "none");
}

static void show_process(void)
{
	struct itimerval timer;
	struct rlimit limit;
	mode_t mask = umask(0);

	umask(mask);
	say("threads: %u\n", entries("/proc/self/task") - 2);
	say("umask: %o\n", (unsigned)mask);
	say("dumpable: %d\n", prctl(PR_GET_DUMPABLE));
	say("no_new_privs: %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	say("seccomp: %d\n", prctl(PR_GET_SECCOMP));
	for (int i = 0; i < 3; i++) {
		getitimer(i, &timer);
		say("timer %d: %ld %ld\n", i, (long)timer.it_value.tv_sec,
		    (long)timer.it_value.tv_usec);
	}
	for (int i = 0; i < 16; i++) {
		getrlimit((__rlimit_resource_t)i, &limit);
		say("limit %d: %lx %lx\n", i, (long)limit.rlim_cur, (long)limit.rlim_max);
	}
}

/* What the recorder needs in the environment is not the program's: all else is as it was. */
static void show_environment(void)
{
	for (char **variable = environ; *variable != NULL; variable++) {
		if (strncmp(*variable, "LD_PRELOAD=", 11) != 0 &&
		    strncmp(*variable, "COROSCOPE_", 10) != 0)
			say("environment: %s\n", *variable);
	}
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		say("argument: %s\n", argv[i]);
	show_signals();
	show_descriptors();
	show_errno();
	show_process();
	show_environment();
	check(malloc_usable_size(NULL) == 0);
	free(NULL);
	return 0;
}
