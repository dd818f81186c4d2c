/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file is told by device, inode, size and time of change: what is opened again by its path later
 * has to be the same one, or it is none.
 */
#include "symbol/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/index.h"
#include "base/list.h"
#include "symbol/vdso.h"

struct file {
	int fd; /* -1: to be opened again */
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
	char *path; /* NULL: cannot be opened again */
};

struct cs_files {
	uint32_t max_open;
	uint32_t open;
	struct cs_list files;
	struct cs_index by_inode; /* file + 1 */
	uint32_t *of_module;      /* file + 1, 0 none */
	size_t module_room;
};

struct cs_files *cs_files_new(uint32_t max_open)
{
	struct cs_files *files = calloc(1, sizeof(*files));

	if (!files)
		return NULL;
	files->max_open = max_open;
	cs_list_init(&files->files, sizeof(struct file), 6);
	return files;
}

void cs_files_free(struct cs_files *files)
{
	if (!files)
		return;
	for (uint32_t i = 0; i < files->files.count; i++) {
		struct file *file = cs_list_at(&files->files, i);
		if (file->fd >= 0)
			close(file->fd);
		free(file->path);
	}
	cs_list_free(&files->files);
	cs_index_free(&files->by_inode);
	free(files->of_module);
	free(files);
}

static bool is_known(const struct cs_files *files, uint32_t module)
{
	return module < files->module_room && files->of_module[module] != 0;
}

static struct file *file_of(const struct cs_files *files, uint32_t module)
{
	return is_known(files, module) ? cs_list_at(&files->files, files->of_module[module] - 1)
	                               : NULL;
}

static bool same_file(const struct file *file, const struct stat *status)
{
	return file->device == status->st_dev && file->inode == status->st_ino &&
	       file->size == status->st_size && file->changed.tv_sec == status->st_mtim.tv_sec &&
	       file->changed.tv_nsec == status->st_mtim.tv_nsec;
}

static int map_module(struct cs_files *files, uint32_t module, uint32_t file)
{
	void *of_module = files->of_module;
	size_t old = files->module_room;

	if (cs_array_reserve(&of_module, &files->module_room, sizeof(uint32_t), (size_t)module + 1))
		return -ENOMEM;
	files->of_module = of_module;
	memset(files->of_module + old, 0, (files->module_room - old) * sizeof(uint32_t));
	files->of_module[module] = file;
	return 0;
}

/* The id of the file that FD is, new or known. 0: no memory. */
static uint32_t file_id(struct cs_files *files, int fd, const struct stat *status, const char *path)
{
	uint32_t hash = cs_hash_pair(status->st_ino, status->st_dev);
	struct cs_probe probe = cs_index_probe(&files->by_inode, hash);
	uint32_t id;

	while ((id = cs_probe_next(&probe)))
		if (same_file(cs_list_at(&files->files, id - 1), status))
			return id;
	struct file *file = cs_list_push(&files->files);
	if (!file)
		return 0;
	*file = (struct file){.fd = -1,
	                      .device = status->st_dev,
	                      .inode = status->st_ino,
	                      .size = status->st_size,
	                      .changed = status->st_mtim};
	if (cs_index_add(&files->by_inode, hash, files->files.count))
		return 0;
	if (path && !(file->path = strdup(path)))
		return 0;
	if (files->open < files->max_open) {
		file->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		files->open += file->fd >= 0;
	}
	return files->files.count;
}

int cs_files_add(struct cs_files *files, uint32_t module, int fd, const char *path)
{
	struct stat status;
	int error = 0;

	if (fd < 0)
		return 0;
	/* Only what has a regular file's contents can be read when the time comes. */
	if (!is_known(files, module) && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
		uint32_t id = file_id(files, fd, &status, path);
		error = id ? map_module(files, module, id) : -ENOMEM;
	}
	close(fd);
	return error;
}

const char *cs_files_path(const struct cs_files *files, uint32_t module)
{
	const struct file *file = file_of(files, module);

	return file ? file->path : NULL;
}

/* A regular file, without waiting for what is not one. */
static int open_path(const char *path, struct stat *status)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (fstat(fd, status) == 0 && S_ISREG(status->st_mode))
		return fd;
	close(fd);
	return -ENOENT;
}

int cs_files_open(const struct cs_files *files, uint32_t module, const char *path, bool *handed)
{
	const struct file *file = file_of(files, module);
	struct stat status = {0};

	*handed = file != NULL;
	if (path && strcmp(path, "[vdso]") == 0)
		return cs_vdso_open();
	if (file && file->fd >= 0) {
		int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? -errno : fd;
	}
	if (file && file->path)
		path = file->path;
	if (!path || path[0] != '/')
		return -ENOENT;
	int fd = open_path(path, &status);
	if (fd >= 0 && file && !same_file(file, &status)) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}
