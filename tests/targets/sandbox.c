/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: a program that locks itself in: strict seccomp (any call but read, write, exit kills),
 * a filter that kills on open and socket calls, PR_SET_DUMPABLE 0, chroot and another user.
 * It goes on allocating, in new threads and children where its jail permits them.
 */
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "target.h"

SITE void *site_sandbox(size_t n)
{
	return malloc(n);
}

static void *thread_main(void *unused)
{
	for (int i = 0; i < 3000; i++)
		free(site_sandbox(100));
	return unused;
}

static void threads_and_children(void)
{
	int status;

	for (int i = 0; i < 3; i++) {
		pthread_t thread;

		check(pthread_create(&thread, NULL, thread_main, NULL) == 0);
		pthread_join(thread, NULL);
	}
	pid_t pid = fork();
	if (pid == 0) {
		thread_main(NULL);
		_exit(9);
	}
	check(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 9);
}

static void strict(void)
{
	for (int i = 0; i < 2000; i++) /* the allocator has all it will need */
		free(site_sandbox(100 + (size_t)i));
	check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	for (int i = 0; i < 300000; i++)
		free(site_sandbox(100 + (size_t)i % 900));
	put(1, "strict: lives\n", 14);
	syscall(SYS_exit, 21);
}

static void filter(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ftruncate, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {sizeof(rules) / sizeof(rules[0]), rules};

	thread_main(NULL);
	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	threads_and_children();
	say("filter: lives\n");
}

static void jail(void)
{
	char path[] = "/tmp/sandbox.XXXXXX";

	check(mkdtemp(path) != NULL);
	check(chdir(path) == 0 && rmdir(path) == 0);
	check(chroot(".") == 0);
	check(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
	threads_and_children();
	say("jail: lives\n");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "dumpable";

	free(site_sandbox(10));
	if (strcmp(what, "strict") == 0)
		strict();
	else if (strcmp(what, "filter") == 0)
		filter();
	else if (strcmp(what, "jail") == 0)
		jail();
	else {
		check(prctl(PR_SET_DUMPABLE, 0) == 0);
		threads_and_children();
		say("dumpable: %d\n", prctl(PR_GET_DUMPABLE));
	}
	return 0;
}
