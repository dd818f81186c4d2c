/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fact: a program that clears its environment, or starts another with an empty one, works as
 * without us; what it does itself is recorded.
 */
#include <sys/wait.h>

#include "target.h"

SITE void *site_cleared(size_t n)
{
	return malloc(n);
}

int main(int argc, char **argv)
{
	static char path[500];
	char *arguments[] = {path, "child", NULL}, *nothing[] = {NULL};
	int status;

	site_cleared(1000);
	if (argc > 1 && strcmp(argv[1], "child") == 0) {
		say("child: %s\n", getenv("HOME") ? "has a home" : "has none");
		return 4;
	}
	check(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	clearenv();
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			site_cleared(2000);
			if (i == 0)
				execve(path, arguments, nothing);
			_exit(5);
		}
		check(waitpid(pid, &status, 0) == pid);
		say("status %d\n", WEXITSTATUS(status));
	}
	return 0;
}
