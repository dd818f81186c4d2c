/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Separate debug files: by build id, by the name that is left in the file, or from a server.
 */
#ifndef CS_SYMBOL_DEBUGFILE_H
#define CS_SYMBOL_DEBUGFILE_H

#include "symbol/debuginfod.h"
#include "symbol/object.h"

struct cs_debugfile_search {
	const char *const *dirs;          /* ended by NULL */
	struct cs_debuginfod *debuginfod; /* NULL: no server is asked */
};

/*
 * Opens the debug file that belongs to OBJECT, the file at PATH (may be NULL). It is taken
 * only if its build id (without one: its checksum) is the one OBJECT asks for. 0 or -ENOENT.
 */
int cs_debugfile_open(struct cs_object *debug, const struct cs_object *object, const char *path,
                      const struct cs_debugfile_search *search);

#endif
