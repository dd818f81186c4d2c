/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a program under the agent. Its process is made first and waits, so that its number
 * is known before it runs; then it is let go. It keeps our terminal and process group: what
 * the user types reaches it as if we were not there.
 */
#ifndef CS_COMMAND_LAUNCH_H
#define CS_COMMAND_LAUNCH_H

#include <sys/resource.h>
#include <sys/types.h>

#include "base/diag.h"

struct cs_launch {
	pid_t pid;    /* 0: there is none */
	int go_fd;    /* a byte here lets it go; closed, it gives up */
	int error_fd; /* where it says why it could not start; -1 none */
	char **argv;
};

/*
 * FILES is the limit of open files that the program is to have. AGENT NULL: without us.
 * 0 or -errno; on success the process waits.
 */
int cs_launch_prepare(struct cs_launch *launch, char **argv, const char *agent, const char *session,
                      const struct rlimit *files, struct cs_diag *diag);

/* 0: it runs. Else -errno and DIAG, and the process is gone. */
int cs_launch_go(struct cs_launch *launch, struct cs_diag *diag);

/* Gives up a process that has not been let go. */
void cs_launch_cancel(struct cs_launch *launch);

#endif
