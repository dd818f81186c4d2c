/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever is asked here may end, change or be replaced while it is read: an answer is what was
 * there, not what is.
 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"

#define TEXT_BYTES_MAX (UINT64_C(128) << 20)
#define AT_ONCE 65536u

bool cs_proc_cut_deleted(char *path)
{
	static const char mark[] = " (deleted)";
	size_t length = strlen(path), cut = sizeof(mark) - 1;

	if (length <= cut || strcmp(path + length - cut, mark) != 0)
		return false;
	path[length - cut] = '\0';
	return true;
}

bool cs_proc_program(uint32_t pid, char *path, size_t size)
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/%" PRIu32 "/exe", pid);
	length = readlink(link, path, size - 1);
	if (length <= 0)
		return false;
	path[length] = '\0';
	cs_proc_cut_deleted(path);
	return true;
}

/* What the kernel refuses in the middle is an end as well: what came before it holds. */
static int read_to_end(int fd, char **text)
{
	size_t size = 0, room = 0;
	void *bytes = NULL;
	ssize_t got;

	do {
		if (cs_array_reserve(&bytes, &room, 1, size + AT_ONCE)) {
			free(bytes);
			return -ENOMEM;
		}
		got = read(fd, (char *)bytes + size, room - size - 1);
		size += got > 0 ? (size_t)got : 0;
	} while ((got > 0 && size < TEXT_BYTES_MAX) || (got < 0 && errno == EINTR));
	((char *)bytes)[size] = '\0';
	*text = bytes;
	return 0;
}

int cs_proc_read(uint32_t pid, const char *name, char **text)
{
	char path[64];
	int fd, error;

	*text = NULL;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = read_to_end(fd, text);
	close(fd);
	return error;
}
