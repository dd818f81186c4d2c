/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /proc says of a process. Its files tell their size to nobody: they are read to their end.
 */
#ifndef CS_BASE_PROC_H
#define CS_BASE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * /proc/PID/NAME whole, terminated, in *TEXT, which the caller frees. What lies beyond 128 MiB
 * (half a million mappings) is left out. 0; -ENOENT, -EACCES and the like: it can't be read;
 * -ENOMEM. *TEXT is then NULL.
 */
int cs_proc_read(uint32_t pid, const char *name, char **text);

/* Where the program of PID lies, or lay, at most SIZE - 1 bytes; false: it can't be told. */
bool cs_proc_program(uint32_t pid, char *path, size_t size);

/* Cuts off what the kernel appends to the path of a file that is gone; false: it is there. */
bool cs_proc_cut_deleted(char *path);

#endif
