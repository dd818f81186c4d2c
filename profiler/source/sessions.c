/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only folders that are ours alone are looked into: another user could let us believe
 * anything about his.
 */
#include "source/sessions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "source/proc.h"
#include "source/ring.h"

static bool ours_alone(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
	       !(status.st_mode & (S_IWGRP | S_IWOTH));
}

/* "PID-16 hexadecimal digits", as they are made. */
static bool is_session(const char *name)
{
	size_t digits = strspn(name, "0123456789");

	return digits > 0 && digits < 11 && name[digits] == '-' &&
	       strspn(name + digits + 1, "0123456789abcdef") == 16 && strlen(name) == digits + 17;
}

/* ---- what is in a session ---- */

static void count_ring(struct cs_session_entry *entry, int fd, const char *name)
{
	struct cs_ring_reader *ring = cs_ring_open(fd, name, 0, NULL);
	struct cs_proc proc;

	entry->images++;
	if (!ring)
		return;
	entry->running += cs_proc_find(&proc, ring->info.pid, ring->info.boot_ticks, true);
	cs_proc_close(&proc);
	cs_ring_close(ring);
}

static void count_files(struct cs_session_entry *entry, int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *file;

	if (!stream && copy >= 0)
		close(copy);
	while (stream && (file = readdir(stream))) {
		struct stat status;

		if (fstatat(fd, file->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(status.st_mode))
			entry->bytes += (uint64_t)status.st_blocks * 512;
		if (!strncmp(file->d_name, CS_RING_PREFIX, strlen(CS_RING_PREFIX)))
			count_ring(entry, fd, file->d_name);
	}
	if (stream)
		closedir(stream);
}

/* Before the note is written, the folder's name is all that tells who made it. */
static bool maker_lives(const char *name)
{
	pid_t pid = (pid_t)strtol(name, NULL, 10);

	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

static int look_into(struct cs_session_list *list, int base, const char *place, const char *name)
{
	void *entries = list->entries;
	struct cs_session_entry *entry;
	int fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int error = 0;

	if (fd < 0 || !ours_alone(fd))
		goto done;
	error = cs_array_reserve(&entries, &list->room, sizeof(*entry), list->count + 1);
	list->entries = entries;
	if (error)
		goto done;
	entry = &list->entries[list->count++];
	memset(entry, 0, sizeof(*entry));
	snprintf(entry->path, sizeof(entry->path), "%.190s/%.60s", place, name);
	snprintf(entry->name, sizeof(entry->name), "%.60s", name);
	entry->recording = cs_note_read(fd, &entry->note) ? maker_lives(name) : cs_note_is_held(fd);
	count_files(entry, fd);
done:
	if (fd >= 0)
		close(fd);
	return error;
}

/* ---- all of them ---- */

static int look_at_place(struct cs_session_list *list, const char *place)
{
	int fd = open(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream = fd >= 0 && ours_alone(fd) ? fdopendir(fd) : NULL;
	struct dirent *entry;
	int error = 0;

	if (!stream && fd >= 0)
		close(fd);
	while (stream && !error && (entry = readdir(stream)))
		if (is_session(entry->d_name))
			error = look_into(list, fd, place, entry->d_name);
	if (stream)
		closedir(stream);
	return error;
}

static int by_start(const void *a, const void *b)
{
	const struct cs_session_entry *one = a, *two = b;

	if (one->note.wall_start_ns != two->note.wall_start_ns)
		return one->note.wall_start_ns < two->note.wall_start_ns ? -1 : 1;
	return strcmp(one->name, two->name);
}

int cs_sessions_find(struct cs_session_list *list)
{
	char place[160];
	int error = 0;

	memset(list, 0, sizeof(*list));
	for (int i = 0; !error && i < CS_SESSION_PLACES; i++)
		if (cs_session_place(i, place, sizeof(place)))
			error = look_at_place(list, place);
	if (error)
		cs_sessions_free(list);
	else if (list->count)
		qsort(list->entries, list->count, sizeof(*list->entries), by_start);
	return error;
}

void cs_sessions_free(struct cs_session_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		cs_note_free(&list->entries[i].note);
	free(list->entries);
	memset(list, 0, sizeof(*list));
}

const struct cs_session_entry *cs_sessions_by_name(const struct cs_session_list *list,
                                                   const char *name, struct cs_diag *diag)
{
	const struct cs_session_entry *found = NULL;
	size_t matches = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct cs_session_entry *entry = &list->entries[i];

		if (!strcmp(entry->name, name) || !strcmp(entry->path, name))
			return entry;
		if (name[0] && !strncmp(entry->name, name, strlen(name))) {
			found = entry;
			matches++;
		}
	}
	if (matches == 1)
		return found;
	cs_diag_set(diag, -ENOENT, "find the session %s: %s", name,
	            matches ? "several begin like that" : "there is none of that name");
	cs_diag_hint(diag, "'coroscope list' shows them");
	return NULL;
}
