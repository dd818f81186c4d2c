/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of /proc, which tell their size to nobody: they are read to their end.
 */
#ifndef CS_BASE_PROC_H
#define CS_BASE_PROC_H

#include <stdint.h>

/*
 * /proc/PID/NAME whole, terminated, in *TEXT, which the caller frees. What lies beyond 128 MiB
 * (half a million mappings) is left out. 0; -ENOENT, -EACCES and the like: it can't be read;
 * -ENOMEM. *TEXT is then NULL.
 */
int cs_proc_read(uint32_t pid, const char *name, char **text);

#endif
