/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path that the loader can't use would be a warning on the program's stderr and a trace
 * without events, so that it is checked here. The loader splits LD_PRELOAD at colons and
 * spaces, without any way to escape them.
 */
#include "command/agent_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AGENT_NAME "libcoroscope-agent.so"
#define PARTS_FOLDER "../lib/coroscope/"

int cs_part_file(const char *name, char *path, size_t bytes)
{
	char own[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (length < 0)
		return -errno;
	own[length] = 0;
	char *slash = strrchr(own, '/');
	if (!slash)
		return -ENOENT;
	slash[1] = 0;
	if ((size_t)snprintf(path, bytes, "%s" PARTS_FOLDER "%s", own, name) >= bytes)
		return -ENAMETOOLONG;
	return 0;
}

int cs_agent_file(char *path, size_t bytes, struct cs_diag *diag)
{
	const char *named = getenv("COROSCOPE_AGENT");
	char *whole;

	if (named && named[0])
		snprintf(path, bytes, "%s", named);
	else if (cs_part_file(AGENT_NAME, path, bytes))
		return cs_diag_set(diag, -ENOENT, "find the agent: /proc can't be read");

	whole = realpath(path, NULL);
	if (!whole || strlen(whole) >= bytes || access(whole, R_OK)) {
		int error = whole && strlen(whole) >= bytes ? ENAMETOOLONG : errno;

		free(whole);
		cs_diag_set(diag, -error, "find the agent: %s: %s", path, strerror(error));
		return cs_diag_hint(diag, "install coroscope as a whole, or name " AGENT_NAME
		                          " in COROSCOPE_AGENT");
	}
	memcpy(path, whole, strlen(whole) + 1);
	free(whole);
	if (strpbrk(path, ": \t\n")) {
		cs_diag_set(diag, -EINVAL,
		            "load the agent: the loader can't take '%s', a path with "
		            "spaces or colons",
		            path);
		return cs_diag_hint(diag,
		                    "install it elsewhere, or name a copy in COROSCOPE_AGENT");
	}
	return 0;
}
