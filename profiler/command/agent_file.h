/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the agent library is: what COROSCOPE_AGENT names, else beside the command, at
 * ../lib/coroscope/ from its own place.
 */
#ifndef CS_COMMAND_AGENT_FILE_H
#define CS_COMMAND_AGENT_FILE_H

#include <stddef.h>

#include "base/diag.h"

/* Its absolute path into PATH; 0, or -errno with DIAG set: not there, or not readable. */
int cs_agent_file(char *path, size_t bytes, struct cs_diag *diag);

/* Where the part NAME of coroscope is, from the command's own place. 0 or -errno. */
int cs_part_file(const char *name, char *path, size_t bytes);

#endif
