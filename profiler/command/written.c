/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all commands that write a trace have in common: its options, its beginning, and what to do
 * with it next.
 */
#include "command/written.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "source/collector.h"

const char *const cs_heap_choices[] = {"all", NULL};

int cs_written_path(char path[PATH_MAX], const struct cs_args *args, struct cs_diag *diag)
{
	const char *output = cs_args_text(args, "output", "");

	if ((size_t)snprintf(path, PATH_MAX, "%s", output) < PATH_MAX)
		return 0;
	return cs_diag_set(diag, -ENAMETOOLONG, "write %.64s…: the name is too long", output);
}

int cs_written_read(struct cs_written *written, const struct cs_args *args, struct cs_diag *diag)
{
	written->symbols = !cs_args_get(args, "symbols")->negated;
	written->arguments = !cs_args_get(args, "args")->negated;
	written->debuginfod = cs_args_on(args, "debuginfod");
	return cs_written_path(written->path, args, diag);
}

struct cs_trace_writer *cs_written_begin(const char *path, struct cs_trace_session session,
                                         struct cs_diag *diag)
{
	struct utsname system = {0};

	uname(&system);
	session.tick_ns = CS_TICK_NS;
	session.host = system.nodename;
	session.kernel = system.release;
	session.arch = system.machine;
	session.recorder = (char *)"coroscope " CS_VERSION;
	return cs_trace_create(path, &session, diag);
}

/* PATH as a shell, and then an option parser, takes it: what is shown can be pasted. */
static void quote(const char *path, char *quoted, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "/._-+=:,@%";
	char *end = quoted + size - sizeof("'\\''"), *to = quoted;
	bool bare = strspn(path, plain) == strlen(path);

	if (path[0] == '-')
		to = stpcpy(to, "./");
	if (!bare)
		*to++ = '\'';
	for (; *path && to < end; path++)
		if (*path == '\'')
			to = stpcpy(to, "'\\''");
		else
			*to++ = *path;
	stpcpy(to, bare ? "" : "'");
}

void cs_written_say(const struct cs_args *args, const char *command, const char *path,
                    const char *time)
{
	char quoted[4 * PATH_MAX];

	quote(path, quoted, sizeof(quoted));
	cs_say(args, "  coroscope %s %s%s", command, quoted, time);
}
