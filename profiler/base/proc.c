/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/list.h"

#define TEXT_BYTES_MAX (UINT64_C(128) << 20)
#define AT_ONCE 65536u

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
