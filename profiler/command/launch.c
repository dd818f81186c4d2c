/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between fork and exec the child has one thread and our whole memory, so it may do as it
 * likes. It waits for one byte; end of file tells it that we are not there any more.
 */
#include "command/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/session.h"

#define CANNOT_START 127

static int set_environment(const char *agent, const char *session)
{
	const char *others = getenv("LD_PRELOAD");
	char *preload;
	int error;

	if (!agent)
		return unsetenv(CS_ENV_SESSION);
	/* First in line: what comes before us would serve the calls that we are to see. */
	if (asprintf(&preload, "%s%s%s", agent, others && others[0] ? ":" : "",
	             others ? others : "") < 0)
		return -1;
	error = setenv("LD_PRELOAD", preload, 1);
	free(preload);
	return error ? error : setenv(CS_ENV_SESSION, session, 1);
}

static _Noreturn void child(const struct cs_launch *launch, int go_fd, int error_fd,
                            const char *agent, const char *session, const struct rlimit *files)
{
	char go;
	ssize_t got;

	setrlimit(RLIMIT_NOFILE, files);
	do
		got = read(go_fd, &go, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		_exit(CANNOT_START);
	if (set_environment(agent, session) == 0)
		execvp(launch->argv[0], launch->argv);
	int error = errno;
	if (write(error_fd, &error, sizeof(error)) < 0)
		_exit(CANNOT_START);
	_exit(CANNOT_START);
}

static void close_all(int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int cs_launch_prepare(struct cs_launch *launch, char **argv, const char *agent, const char *session,
                      const struct rlimit *files, struct cs_diag *diag)
{
	int go[2] = {-1, -1};
	int report[2] = {-1, -1};
	int error = 0;

	*launch = (struct cs_launch){.argv = argv, .go_fd = -1, .error_fd = -1};
	if (pipe2(go, O_CLOEXEC) || pipe2(report, O_CLOEXEC))
		error = -errno;
	fflush(NULL); /* or the child would have our unwritten output as well */
	pid_t pid = error ? -1 : fork();
	if (pid == 0) {
		close(go[1]);
		close(report[0]);
		child(launch, go[0], report[1], agent, session, files);
	}
	if (pid < 0) {
		error = error ? error : -errno;
		close_all(go);
		close_all(report);
		return cs_diag_set(diag, error, "start %s: %s", argv[0], strerror(-error));
	}
	close(go[0]);
	close(report[1]);
	launch->pid = pid;
	launch->go_fd = go[1];
	launch->error_fd = report[0];
	return 0;
}

static void reap(struct cs_launch *launch)
{
	while (launch->pid > 0 && waitpid(launch->pid, NULL, 0) < 0 && errno == EINTR)
		;
	launch->pid = 0;
}

static void close_pipes(struct cs_launch *launch)
{
	if (launch->go_fd >= 0)
		close(launch->go_fd);
	if (launch->error_fd >= 0)
		close(launch->error_fd);
	launch->go_fd = launch->error_fd = -1;
}

int cs_launch_go(struct cs_launch *launch, struct cs_diag *diag)
{
	int error = 0;
	ssize_t got;

	if (write(launch->go_fd, "", 1) != 1)
		error = errno;
	/* exec closes its end; before that it can only tell why there was no exec. */
	do
		got = error ? 0 : read(launch->error_fd, &error, sizeof(error));
	while (got < 0 && errno == EINTR);
	close_pipes(launch);
	if (!error)
		return 0;
	reap(launch);
	cs_diag_set(diag, -error, "start %s: %s", launch->argv[0], strerror(error));
	if (error == ENOENT)
		cs_diag_hint(diag, "the file is there: its interpreter (loader) is not");
	return -error;
}

void cs_launch_cancel(struct cs_launch *launch)
{
	close_pipes(launch);
	reap(launch);
}
