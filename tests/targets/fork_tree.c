/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traps: fork while other threads allocate, the child going on with inherited blocks; vfork,
 * posix_spawn, clone(CLONE_VM), _Fork and raw fork; exec; daemons; children that end by _exit.
 * The part is named by the first argument, "all" runs each.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "target.h"

extern char **environ;

static char *self_path;
static atomic_bool stop;

static int status_of(pid_t pid)
{
	int status;

	check(pid > 0);
	check(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

SITE void *site_child(size_t n)
{
	return calloc(1, n);
}

SITE void *site_parent(size_t n)
{
	return calloc(1, n);
}

static void *noise(void *unused)
{
	uint64_t random = 99;

	while (!atomic_load(&stop)) {
		void *blocks[8];

		for (int i = 0; i < 8; i++)
			blocks[i] = malloc(1 + random_below(&random, 3000));
		for (int i = 0; i < 8; i++)
			free(blocks[i]);
	}
	return unused;
}

/* A child frees half of what it inherited, allocates its own, and forks again. */
static void part_fork(void)
{
	enum { THREADS = 3, BLOCKS = 1000, CHILDREN = 10 };
	pthread_t threads[THREADS];
	void *blocks[BLOCKS];

	atomic_store(&stop, false);
	for (int i = 0; i < THREADS; i++)
		check(pthread_create(&threads[i], NULL, noise, NULL) == 0);
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = site_parent(100);
	for (int child = 0; child < CHILDREN; child++) {
		pid_t pid = fork();

		if (pid == 0) {
			void *own[BLOCKS];

			for (int i = 0; i < BLOCKS; i += 2)
				free(blocks[i]);
			for (int i = 0; i < BLOCKS; i++)
				own[i] = site_child(200);
			pid = fork();
			if (pid == 0) {
				for (int i = 1; i < BLOCKS; i += 2)
					free(blocks[i]);
				for (int i = 0; i < BLOCKS; i++)
					free(own[i]);
				_exit(3);
			}
			check(status_of(pid) == 3);
			exit(7);
		}
		check(status_of(pid) == 7);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	say("fork: %d children, %d blocks kept\n", CHILDREN, BLOCKS);
}

/* Threads of a child: it may start its own after the fork. */
static void part_fork_threads(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t threads[4];

		atomic_store(&stop, false);
		for (int i = 0; i < 4; i++)
			check(pthread_create(&threads[i], NULL, noise, NULL) == 0);
		usleep(20000);
		atomic_store(&stop, true);
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		exit(9);
	}
	say("fork_threads: %d\n", status_of(pid));
}

static void part_vfork(void)
{
	char *arguments[] = {self_path, "child", "vfork", NULL};
	volatile int seen = 0;
	int sum = 0;

	for (int i = 0; i < 20; i++) {
		void *p = site_parent(64);
		pid_t pid = vfork();

		if (pid == 0) {
			/* In its parent's memory: what it allocates is the parent's. */
			free(site_child(128));
			seen++;
			if (i % 2)
				_exit(5);
			execv(self_path, arguments);
			_exit(127);
		}
		sum += status_of(pid);
		free(p);
	}
	say("vfork: seen %d, sum %d\n", seen, sum);
}

static void part_spawn(void)
{
	char *arguments[] = {self_path, "child", "spawn", NULL};
	int sum = 0;

	for (int i = 0; i < 10; i++) {
		pid_t pid;

		check(posix_spawn(&pid, self_path, NULL, NULL, arguments, environ) == 0);
		sum += status_of(pid);
	}
	say("spawn: sum %d\n", sum);
}

static void part_system(void)
{
	char command[600];
	char line[100] = "";

	snprintf(command, sizeof(command), "'%s' child system; echo $?; ls / >/dev/null; true",
	         self_path);
	check(system(command) == 0);
	snprintf(command, sizeof(command), "echo through a pipe | sed s/through/came_through/");
	FILE *pipe = popen(command, "r");
	check(pipe != NULL && fgets(line, sizeof(line), pipe) != NULL && pclose(pipe) == 0);
	say("system: %s", line);
}

/* The grandchild outlives everybody for a moment and tells by a pipe. */
static void part_daemon(void)
{
	int ends[2];
	char text[100];
	pid_t pid;

	check(pipe(ends) == 0);
	pid = fork();
	if (pid == 0) {
		check(setsid() > 0);
		if (fork() == 0) {
			char *p;

			close(ends[0]);
			usleep(50000);
			p = site_child(1000);
			snprintf(p, 1000, "daemon: works\n");
			put(ends[1], p, strlen(p));
			free(p);
			_exit(0);
		}
		_exit(0);
	}
	close(ends[1]);
	check(status_of(pid) == 0);
	ssize_t got = read(ends[0], text, sizeof(text));
	check(got > 0 && read(ends[0], text + got, 1) == 0);
	put(1, text, (size_t)got);
	close(ends[0]);
}

static int clone_main(void *argument)
{
	int *seen = argument;

	free(site_child(300));
	*seen += 1;
	return 4;
}

/* clone(CLONE_VM) without a thread's own TLS; fork without the handlers of fork(). */
static void part_clone(void)
{
	char *stack = malloc(65536);
	int seen = 0, sum = 0;
	void *kept[10];

	for (int i = 0; i < 10; i++)
		sum += status_of(
			clone(clone_main, stack + 65536, CLONE_VM | CLONE_VFORK | SIGCHLD, &seen));
	free(stack);
	for (int i = 0; i < 10; i++) {
		kept[i] = site_parent(100); /* each child inherits one more */
		long pid = syscall(SYS_fork);

		if (pid == 0) {
			free(site_child(500));
			_exit(6);
		}
		sum += status_of((pid_t)pid);
	}
	for (int i = 0; i < 10; i++)
		free(kept[i]);
	say("clone: seen %d, sum %d\n", seen, sum);
}

static void part_exec(void)
{
	char *arguments[] = {self_path, "child", "exec", NULL};
	pid_t pid = fork();

	if (pid == 0) {
		site_child(12345);
		execv(self_path, arguments);
		_exit(127);
	}
	say("exec: %d\n", status_of(pid));
}

/* Many short children at once. */
static void part_many(void)
{
	enum { CHILDREN = 60 };
	pid_t pids[CHILDREN];
	int sum = 0;

	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			for (int n = 0; n < 100; n++)
				site_child(10);
			_exit(i % 3);
		}
	}
	for (int i = 0; i < CHILDREN; i++)
		sum += status_of(pids[i]);
	say("many: sum %d\n", sum);
}

/*
 * Children that tell nothing until long after their parent has freed what they inherited: one
 * forked directly, one behind a process that has ended.
 */
static void part_late(void)
{
	enum { BLOCKS = 500 };
	void *blocks[BLOCKS];
	int ends[2], done[2];
	pid_t pid;

	check(pipe(ends) == 0 && pipe(done) == 0);
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = site_parent(100);
	for (int between = 0; between < 2; between++) {
		pid = fork();
		if (pid == 0 && (!between || fork() == 0)) {
			char c;

			close(ends[1]);
			check(read(ends[0], &c, 1) == 0);
			void *own = site_child(70);

			for (int i = 0; i < BLOCKS / 2; i++)
				free(blocks[i]);
			put(done[1], own ? "x" : "", 1);
			_exit(3);
		}
		if (pid == 0)
			_exit(3);
		if (between)
			check(status_of(pid) == 3);
	}
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = site_parent(200);
	sleep_ms(300);
	close(ends[1]);
	char text[2];

	for (int i = 0; i < 2; i++)
		check(read(done[0], text + i, 1) == 1);
	sleep_ms(200);
	say("late: 2 children\n");
}

static const struct part {
	const char *name;
	void (*run)(void);
} parts[] = {{"fork", part_fork},     {"fork_threads", part_fork_threads},
             {"vfork", part_vfork},   {"spawn", part_spawn},
             {"system", part_system}, {"daemon", part_daemon},
             {"clone", part_clone},   {"exec", part_exec},
             {"many", part_many},     {"late", part_late}};

int main(int argc, char **argv)
{
	static char path[500];
	const char *wanted = argc > 1 ? argv[1] : "all";

	check(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	self_path = path;
	if (strcmp(wanted, "child") == 0) {
		void *p = site_child(4000);

		check(p != NULL);
		free(p);
		return 2;
	}
	if (strcmp(wanted, "execself") == 0) { /* exec without a fork */
		char *arguments[] = {self_path, "exec", NULL};

		site_parent(54321);
		execv(self_path, arguments);
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(wanted, "all") == 0 || strcmp(wanted, parts[i].name) == 0)
			parts[i].run();
	}
	return 0;
}
