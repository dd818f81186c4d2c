/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder is private to its user, yet what is in it may be damaged, or made by a hostile
 * program of the same user: sizes are bounded, links are not followed.
 */
#include "source/note.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/fields.h"

#define MAGIC "CSNOTE1\n"
#define NOTE_MAX (64u << 10)

#define FIELD(type, member)                                                   \
	{                                                                     \
#member, offsetof(struct cs_note, member), CS_FIELD_##type, 0 \
	}

static const struct cs_field note_fields[] = {
	FIELD(U32, pid),           FIELD(U32, root_pid),       FIELD(U64, wall_start_ns),
	FIELD(U64, mono_start_ns), FIELD(U64, start_stamp),    FIELD(TEXT, command),
	FIELD(TEXT, trace),        {NULL, 0, CS_FIELD_END, 0},
};

void cs_note_free(struct cs_note *note)
{
	cs_fields_free(note_fields, note);
	memset(note, 0, sizeof(*note));
}

int cs_note_write(int folder, const struct cs_note *note)
{
	struct cs_buffer buffer = {0};
	int error = 0;
	int fd = openat(folder, CS_NOTE_FILE, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	                0600);

	if (fd < 0)
		return -errno;
	cs_put_bytes(&buffer, MAGIC, strlen(MAGIC));
	cs_fields_put(&buffer, note_fields, note);
	if (buffer.error)
		error = buffer.error;
	else if (buffer.size > NOTE_MAX)
		error = -EFBIG;
	else if (flock(fd, LOCK_EX | LOCK_NB))
		error = -errno;
	else if (write(fd, buffer.data, buffer.size) != (ssize_t)buffer.size)
		error = -ENOSPC;
	cs_buffer_free(&buffer);
	if (!error)
		return fd;
	close(fd);
	unlinkat(folder, CS_NOTE_FILE, 0);
	return error;
}

static int open_note(int folder)
{
	struct stat status;
	int fd = openat(folder, CS_NOTE_FILE,
	                O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid())
		return fd;
	close(fd);
	return -EPERM;
}

int cs_note_read(int folder, struct cs_note *note)
{
	size_t magic = strlen(MAGIC);
	unsigned char *bytes = malloc(NOTE_MAX);
	int fd = bytes ? open_note(folder) : -ENOMEM;
	ssize_t size = fd < 0 ? fd : read(fd, bytes, NOTE_MAX);
	int error = fd < 0 ? fd : -EINVAL;

	memset(note, 0, sizeof(*note));
	if (size >= (ssize_t)magic && !memcmp(bytes, MAGIC, magic)) {
		struct cs_cursor cursor = cs_cursor_over(bytes + magic, (size_t)size - magic);

		error = cs_fields_get(&cursor, note_fields, note) ? 0 : -EINVAL;
	}
	if (error)
		cs_note_free(note);
	if (fd >= 0)
		close(fd);
	free(bytes);
	return error;
}

bool cs_note_is_held(int folder)
{
	int fd = open_note(folder);
	bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return held;
}

int cs_note_take(int folder)
{
	int fd = open_note(folder);

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return -EBUSY;
}
