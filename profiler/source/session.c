/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder must be ours alone: agents of the same user trust what they find in it, and
 * another user who could write there could make us read what he likes.
 */
#include "source/session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "source/guard.h"

/* Lanes that must fit, or another place is looked for. */
#define ROOM_LANES 8u
#define ROOM_BYTES (UINT64_C(8) << 20)

/* Why a place can't be used, for the hint when none can. */
struct places {
	char reasons[256];
	size_t length;
};

static int refuse(struct places *places, const char *path, const char *reason)
{
	int length = snprintf(places->reasons + places->length,
	                      sizeof(places->reasons) - places->length, "%s%s: %s",
	                      places->length ? "; " : "", path, reason);

	if (length > 0 && places->length + (size_t)length < sizeof(places->reasons))
		places->length += (size_t)length;
	return -1;
}

/* Opens PATH, made if need be; -1 if it is not a folder of ours alone with room. */
static int open_base(const char *path, uint64_t need_bytes, struct places *places)
{
	struct stat status;
	struct statvfs room;

	if (mkdir(path, 0700) && errno != EEXIST)
		return refuse(places, path, strerror(errno));
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return refuse(places, path, strerror(errno));
	if (fstat(fd, &status) || fstatvfs(fd, &room)) {
		refuse(places, path, strerror(errno));
	} else if (status.st_uid != geteuid()) {
		refuse(places, path, "it belongs to another user");
	} else if (status.st_mode & (S_IWGRP | S_IWOTH)) {
		refuse(places, path, "others may write to it");
	} else if ((uint64_t)room.f_bavail * room.f_frsize < need_bytes) {
		refuse(places, path, "too little free space");
	} else {
		return fd;
	}
	close(fd);
	return -1;
}

bool cs_session_place(int index, char *path, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	const char *temporary = getenv("TMPDIR");
	unsigned uid = (unsigned)geteuid();
	int length = -1;

	if (index == 0)
		length = snprintf(path, size, "/dev/shm/coroscope-%u", uid);
	else if (index == 1 && runtime && runtime[0] == '/')
		length = snprintf(path, size, "%s/coroscope", runtime);
	else if (index == 2)
		length = snprintf(path, size, "%s/coroscope-%u",
		                  temporary && temporary[0] == '/' ? temporary : "/tmp", uid);
	return length > 0 && (size_t)length < size; /* longer ones are no place for rings */
}

static int choose_base(char *path, size_t size, uint64_t need_bytes, struct cs_diag *diag)
{
	struct places places = {.length = 0};

	for (int i = 0; i < CS_SESSION_PLACES; i++) {
		if (!cs_session_place(i, path, size))
			continue;
		int fd = open_base(path, need_bytes, &places);
		if (fd >= 0)
			return fd;
	}
	cs_diag_set(diag, -EACCES,
	            "make a session folder: no place is private and has %" PRIu64 " MiB free",
	            need_bytes >> 20);
	cs_diag_hint(diag, "%s (a smaller --buffer needs less, TMPDIR names another place)",
	             places.reasons);
	return -EACCES;
}

static int make_folder(struct cs_session_folder *folder, const char *base, struct cs_diag *diag)
{
	for (int tries = 0; tries < 16; tries++) {
		uint64_t random = 0;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			random = (uint64_t)(uintptr_t)&random ^ (uint64_t)tries;
		snprintf(folder->name, sizeof(folder->name), "%d-%016" PRIx64, (int)getpid(),
		         random);
		if (mkdirat(folder->base_fd, folder->name, 0700) == 0)
			break;
		folder->name[0] = '\0';
		if (errno != EEXIST)
			break;
	}
	if (!folder->name[0])
		return cs_diag_set(diag, -errno, "make a session folder in %s: %s", base,
		                   strerror(errno));
	snprintf(folder->path, sizeof(folder->path), "%.190s/%s", base, folder->name);
	folder->fd = openat(folder->base_fd, folder->name,
	                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder->fd < 0) {
		cs_diag_set(diag, -errno, "open the session folder %s: %s", folder->path,
		            strerror(errno));
		unlinkat(folder->base_fd, folder->name, AT_REMOVEDIR);
		return diag->error;
	}
	return 0;
}

static void fill_in(struct cs_session *shared, const struct cs_session_config *config)
{
	shared->version = CS_WIRE_VERSION;
	shared->bytes = sizeof(*shared);
	shared->heap_mean_bytes = config->heap_mean_bytes;
	shared->lane_bytes = config->lane_bytes;
	shared->stack_table_bytes = config->stack_table_bytes;
	shared->seed = config->seed;
	shared->flags = config->flags;
	shared->depth_max = config->depth_max;
	atomic_store_explicit(&shared->enabled, 1, memory_order_relaxed);
}

static int make_shared(struct cs_session_folder *folder, struct cs_diag *diag)
{
	int error = 0;
	int fd = openat(folder->fd, CS_SESSION_FILE,
	                O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return cs_diag_set(diag, -errno, "make %s/" CS_SESSION_FILE ": %s", folder->path,
		                   strerror(errno));
	/* Reserved, so that a full disk is an error here and not SIGBUS later. */
	error = -posix_fallocate(fd, 0, sizeof(struct cs_session));
	if (!error) {
		void *memory = mmap(NULL, sizeof(struct cs_session), PROT_READ | PROT_WRITE,
		                    MAP_SHARED, fd, 0);
		if (memory == MAP_FAILED)
			error = -errno;
		else
			folder->shared = memory;
	}
	close(fd);
	if (error)
		return cs_diag_set(diag, error, "make %s/" CS_SESSION_FILE ": %s", folder->path,
		                   strerror(-error));
	fill_in(folder->shared, &folder->config);
	return 0;
}

int cs_session_tell(struct cs_session_folder *folder, const struct cs_note *note,
                    struct cs_diag *diag)
{
	int fd = cs_note_write(folder->fd, note);

	if (fd < 0)
		return cs_diag_set(diag, fd, "write %s/" CS_NOTE_FILE ": %s", folder->path,
		                   strerror(-fd));
	folder->note_fd = fd;
	return 0;
}

int cs_session_create(struct cs_session_folder *folder, const struct cs_session_config *config,
                      struct cs_diag *diag)
{
	char base[160];
	int error;

	memset(folder, 0, sizeof(*folder));
	folder->fd = folder->base_fd = folder->note_fd = -1;
	folder->config = *config;
	if (!folder->config.stack_table_bytes)
		folder->config.stack_table_bytes = CS_STACK_TABLE_DEFAULT;
	if (!folder->config.depth_max)
		folder->config.depth_max = CS_STACK_DEPTH_DEFAULT;
	error = cs_guard_install();
	if (error)
		return cs_diag_set(diag, error, "handle SIGBUS: %s", strerror(-error));
	folder->base_fd =
		choose_base(base, sizeof(base), ROOM_LANES * config->lane_bytes + ROOM_BYTES, diag);
	if (folder->base_fd < 0)
		return folder->base_fd;
	error = make_folder(folder, base, diag);
	return error ? error : make_shared(folder, diag);
}

void cs_session_publish(struct cs_session_folder *folder, uint32_t root_pid)
{
	folder->shared->root_pid = root_pid;
	__atomic_store_n(&folder->shared->magic, CS_SESSION_MAGIC, __ATOMIC_RELEASE);
}

static void store_disabled(void *arg)
{
	struct cs_session *shared = arg;

	atomic_store_explicit(&shared->enabled, 0, memory_order_release);
}

void cs_session_disable(struct cs_session_folder *folder)
{
	if (folder->shared)
		cs_guard_call(store_disabled, folder->shared);
}

/* Removes the files below FD and returns how many entries are left. */
static int empty_folder(int fd)
{
	int left = 0;
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	if (!stream) {
		if (copy >= 0)
			close(copy);
		return -1;
	}
	while ((entry = readdir(stream))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(fd, entry->d_name, 0) && unlinkat(fd, entry->d_name, AT_REMOVEDIR))
			left++;
	}
	closedir(stream);
	return left;
}

void cs_session_remove(struct cs_session_folder *folder)
{
	/* An agent may be making a ring right now: once more, a few times. */
	for (int tries = 0; folder->fd >= 0 && tries < 5; tries++) {
		empty_folder(folder->fd);
		if (unlinkat(folder->base_fd, folder->name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			break;
	}
	cs_session_close(folder);
}

void cs_session_close(struct cs_session_folder *folder)
{
	if (folder->shared)
		munmap(folder->shared, sizeof(*folder->shared));
	folder->shared = NULL;
	if (folder->fd >= 0)
		close(folder->fd);
	if (folder->base_fd >= 0)
		close(folder->base_fd);
	if (folder->note_fd >= 0)
		close(folder->note_fd);
	folder->fd = folder->base_fd = folder->note_fd = -1;
}

static void copy_shared(struct cs_session_folder *folder, struct cs_session *copy)
{
	int fd = openat(folder->fd, CS_SESSION_FILE,
	                O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	void *memory;

	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    status.st_size >= (off_t)sizeof(*copy)) {
		memory = mmap(NULL, sizeof(*copy), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (memory != MAP_FAILED && !cs_guard_copy(copy, memory, sizeof(*copy)))
			munmap(memory, sizeof(*copy));
		else if (memory != MAP_FAILED)
			folder->shared = memory;
	}
	close(fd);
}

/* The session's file may be gone, or another version's: rings say enough of themselves. */
static void read_shared(struct cs_session_folder *folder)
{
	struct cs_session copy = {0};

	copy_shared(folder, &copy);
	if (!folder->shared)
		return;
	if (copy.version != CS_WIRE_VERSION || copy.bytes != sizeof(copy)) {
		munmap(folder->shared, sizeof(copy));
		folder->shared = NULL;
		return;
	}
	folder->config = (struct cs_session_config){
		.heap_mean_bytes = copy.heap_mean_bytes,
		.lane_bytes = copy.lane_bytes,
		.flags = copy.flags,
	};
}

int cs_session_open(struct cs_session_folder *folder, const char *path, struct cs_diag *diag)
{
	const char *slash = strrchr(path, '/');
	struct stat status;
	char base[256];
	int error = 0;

	memset(folder, 0, sizeof(*folder));
	folder->fd = folder->base_fd = folder->note_fd = -1;
	if (!slash || slash == path || strlen(path) >= sizeof(folder->path))
		return cs_diag_set(diag, -EINVAL, "open the session %s: no such folder", path);
	error = cs_guard_install();
	snprintf(base, sizeof(base), "%.*s", (int)(slash - path), path);
	snprintf(folder->path, sizeof(folder->path), "%s", path);
	snprintf(folder->name, sizeof(folder->name), "%.60s", slash + 1);
	folder->base_fd = open(base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder->base_fd >= 0)
		folder->fd = openat(folder->base_fd, folder->name,
		                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (!error && (folder->fd < 0 || fstat(folder->fd, &status)))
		error = -errno;
	else if (!error && status.st_uid != geteuid())
		error = -EPERM;
	if (!error)
		folder->note_fd = cs_note_take(folder->fd);
	if (!error && folder->note_fd == -EBUSY) {
		cs_diag_set(diag, -EBUSY, "open the session %s: its recorder lives", path);
		return cs_diag_hint(diag, "end it with Ctrl-C; its trace can be read meanwhile");
	}
	if (error)
		return cs_diag_set(diag, error, "open the session %s: %s", path, strerror(-error));
	read_shared(folder);
	return 0;
}
