/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent keeps its ring mapped, so the kernel names it. A child of fork may have its
 * parent's mapped as well: its own bears its number.
 */
#include "source/tracked.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/session.h"

/* The last number that NSpid lists: what the process calls itself. */
static uint32_t own_number(uint32_t pid)
{
	char path[64], line[256];
	uint32_t number = pid;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		const char *last = strncmp(line, "NSpid:", 6) == 0 ? strrchr(line, '\t') : NULL;

		if (last) {
			number = (uint32_t)strtoul(last, NULL, 10);
			break;
		}
	}
	if (file)
		fclose(file);
	return number;
}

/* "…/ring.NUMBER.STAMP" of the line of maps, in place; NULL: it is of something else. */
static char *ring_path(char *line, uint32_t number)
{
	char wanted[32];
	char *path = strchr(line, '/');
	char *name = path ? strrchr(path, '/') + 1 : NULL;

	if (!name || strncmp(name, CS_RING_PREFIX, strlen(CS_RING_PREFIX)) != 0)
		return NULL;
	path[strcspn(path, "\n")] = '\0';
	snprintf(wanted, sizeof(wanted), CS_RING_PREFIX "%" PRIu32 ".", number);
	/* " (deleted)": its recorder has ended. */
	return strncmp(name, wanted, strlen(wanted)) || strchr(name, ' ') ? NULL : path;
}

/* Where the newest ring of PID is. 1, 0: none, or -errno. */
static int find_ring(uint32_t pid, char *found, size_t size)
{
	uint32_t number = own_number(pid);
	char file[64];
	char *line = NULL;
	size_t room = 0;
	FILE *maps;

	found[0] = '\0';
	snprintf(file, sizeof(file), "/proc/%" PRIu32 "/maps", pid);
	maps = fopen(file, "re");
	if (!maps)
		return -errno;
	while (getline(&line, &room, maps) > 0) {
		const char *path = ring_path(line, number);

		if (path && strlen(path) < size && strcmp(path, found) > 0)
			memcpy(found, path, strlen(path) + 1);
	}
	free(line);
	fclose(maps);
	return found[0] != '\0';
}

static int read_ring(struct cs_tracked *tracked, struct cs_diag *diag)
{
	struct cs_ring head;
	struct stat status;
	int fd = openat(tracked->folder_fd, tracked->ring_name,
	                O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t got = -1;

	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    (status.st_uid == geteuid() || geteuid() == 0))
		got = pread(fd, &head, sizeof(head), 0);
	if (fd >= 0)
		close(fd);
	if (got != sizeof(head) || head.magic != CS_RING_MAGIC)
		return 0;
	if (head.version != CS_WIRE_VERSION) {
		cs_diag_set(diag, -EPROTO,
		            "observe %" PRIu32 ": its agent speaks version %" PRIu32
		            " of the wire, this coroscope speaks %u",
		            head.pid, head.version, CS_WIRE_VERSION);
		return cs_diag_hint(diag, "use the coroscope that records it");
	}
	if (head.clock != CS_CLOCK_TSC && head.clock != CS_CLOCK_MONOTONIC)
		return 0;
	tracked->clock = head.clock;
	tracked->start_stamp = head.start_stamp;
	tracked->start_mono_ns = head.start_mono_ns;
	tracked->boot_ticks = head.boot_ticks;
	return 1;
}

int cs_tracked_find(struct cs_tracked *tracked, uint32_t pid, struct cs_diag *diag)
{
	char path[PATH_MAX];
	int found = find_ring(pid, path, sizeof(path));
	char *name;

	*tracked = (struct cs_tracked){.folder_fd = -1};
	if (found < 0)
		return cs_diag_set(diag, found, "observe %" PRIu32 ": %s", pid, strerror(-found));
	name = found ? strrchr(path, '/') : NULL;
	if (!name || strlen(name + 1) >= sizeof(tracked->ring_name))
		return 0;
	*name++ = '\0';
	memcpy(tracked->ring_name, name, strlen(name) + 1);
	tracked->folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tracked->folder_fd < 0)
		return 0;
	found = read_ring(tracked, diag);
	if (found == 1 && cs_note_read(tracked->folder_fd, &tracked->note))
		tracked->note = (struct cs_note){0};
	return found;
}

void cs_tracked_close(struct cs_tracked *tracked)
{
	if (tracked->folder_fd >= 0)
		close(tracked->folder_fd);
	cs_note_free(&tracked->note);
	tracked->folder_fd = -1;
}
