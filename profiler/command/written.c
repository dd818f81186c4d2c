/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of traces that are written, once for all commands that write one.
 */
#include "command/written.h"

#include <errno.h>
#include <stdio.h>

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
