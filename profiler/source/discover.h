/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New rings in the session's folder.
 */
#ifndef CS_SOURCE_DISCOVER_H
#define CS_SOURCE_DISCOVER_H

#include <stdbool.h>
#include <stdint.h>

struct cs_discover {
	int folder_fd;
	int watch_fd;     /* inotify; -1: the folder is read now and then */
	uint64_t next_ns; /* when it is read at the latest */
};

/* PATH and FD are the session's folder. */
void cs_discover_start(struct cs_discover *discover, const char *path, int fd);
void cs_discover_stop(struct cs_discover *discover);

/* Has the folder changed, or not been looked at for long? Costs one system call. */
bool cs_discover_due(struct cs_discover *discover, uint64_t now_ns);

/* Calls VISIT with the name of each ring that is in the folder, in no order. */
void cs_discover_each(const struct cs_discover *discover,
                      void (*visit)(void *context, const char *name), void *context);

#endif
