/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel tells when something appears; where inotify is used up, the folder is read ten
 * times a second.
 */
#include "source/discover.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "wire/session.h"

#define UNWATCHED_NS UINT64_C(100000000)
#define WATCHED_NS UINT64_C(1000000000)

void cs_discover_start(struct cs_discover *discover, const char *path, int fd)
{
	discover->folder_fd = fd;
	discover->next_ns = 0;
	discover->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (discover->watch_fd < 0)
		return;
	if (inotify_add_watch(discover->watch_fd, path, IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW) <
	    0) {
		close(discover->watch_fd);
		discover->watch_fd = -1;
	}
}

void cs_discover_stop(struct cs_discover *discover)
{
	if (discover->watch_fd >= 0)
		close(discover->watch_fd);
	discover->watch_fd = -1;
}

bool cs_discover_due(struct cs_discover *discover, uint64_t now_ns)
{
	char events[4096] __attribute__((aligned(8)));
	bool due = now_ns >= discover->next_ns;

	/* What exactly has happened does not matter: the folder says it. */
	while (discover->watch_fd >= 0 && read(discover->watch_fd, events, sizeof(events)) > 0)
		due = true;
	if (due)
		discover->next_ns = now_ns + (discover->watch_fd < 0 ? UNWATCHED_NS : WATCHED_NS);
	return due;
}

/* ring.PID.STAMP, both decimal or hexadecimal: nothing that could lead elsewhere. */
static bool is_ring(const char *name)
{
	size_t prefix = strlen(CS_RING_PREFIX);
	size_t length = strlen(name);

	return !strncmp(name, CS_RING_PREFIX, prefix) && length > prefix && length < 60 &&
	       strspn(name + prefix, "0123456789abcdefABCDEF.") == length - prefix;
}

void cs_discover_each(const struct cs_discover *discover,
                      void (*visit)(void *context, const char *name), void *context)
{
	int fd = openat(discover->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!stream) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(stream)))
		if (is_ring(entry->d_name))
			visit(context, entry->d_name);
	closedir(stream);
}
