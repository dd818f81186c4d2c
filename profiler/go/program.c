/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every library of a process is opened to see whether Go has linked it: its list of sections is
 * read, a few kilobytes. What has no such list may be anything, and is searched.
 */
#include "go/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/index.h"
#include "go/mapped.h"
#include "go/memory.h"
#include "source/modules.h"

#define AUXV_BYTES 1024u
#define PAGE_MASK UINT64_C(0xfff)

/* ---- the program ---- */

static int open_file(struct cs_go_image *image, uint32_t pid, struct cs_diag *diag)
{
	char path[64], name[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", pid);
	snprintf(name, sizeof(name), "%" PRIu32, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	int error = fd < 0 ? -errno : 0;

	if (!error)
		return cs_go_image_open(image, fd, name, diag);
	if (error == -EACCES || error == -EPERM) {
		cs_diag_set(diag, -EPERM, "read %s: it belongs to another user", name);
		return cs_diag_hint(diag, "run as its owner or as root");
	}
	if (access(path, F_OK) == 0 || error != -ENOENT)
		return cs_diag_set(diag, error, "read %s: %s", name, strerror(-error));
	return cs_diag_set(diag, -ESRCH, "read %s: there is no such process", name);
}

/* Address in memory less address in the file, from where the kernel says that it begins. */
static int read_bias(uint32_t pid, const struct cs_go_image *image, uint64_t *bias)
{
	char path[64];
	uint64_t entry[2];
	FILE *file;
	int error = -ESRCH;

	*bias = 0;
	if (!image->pie)
		return 0;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/auxv", pid);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? -ESRCH : -EPERM;
	for (int i = 0; i < 256 && fread(entry, sizeof(entry), 1, file) == 1; i++) {
		if (entry[0] != AT_ENTRY)
			continue;
		*bias = entry[1] - image->entry;
		error = 0;
	}
	fclose(file);
	return error;
}

int cs_go_program_open(struct cs_go_program *program, uint32_t pid, struct cs_diag *diag)
{
	char link[64];

	*program = (struct cs_go_program){.image = {.fd = -1}};
	int error = open_file(&program->image, pid, diag);

	if (error)
		return error;
	error = read_bias(pid, &program->image, &program->bias);
	if (error) {
		cs_go_program_close(program);
		return cs_diag_set(diag, error, "read %" PRIu32 ": %s", pid,
		                   error == -ESRCH ? "it has ended" : "not permitted");
	}
	snprintf(link, sizeof(link), "/proc/%" PRIu32 "/exe", pid);
	ssize_t length = readlink(link, program->path, sizeof(program->path) - 1);

	program->path[length > 0 ? length : 0] = '\0';
	return 0;
}

/* ---- libraries ---- */

struct search {
	struct cs_go_program *program;
	uint32_t pid, left;
	uint64_t program_inode;
	bool found;
};

/* A path may lead to another file by now; the kernel's link to what is mapped needs rights. */
static int open_mapped(uint32_t pid, const struct cs_go_mapped *file)
{
	const struct cs_module_range range = {.start = file->start, .end = file->end};
	char path[CS_GO_PATH_BYTES + 64];
	struct stat status;
	int fd = cs_module_open(pid, &range, file->path, false, path, sizeof(path));
	int other;

	if (fd >= 0 && fstat(fd, &status) == 0 && status.st_ino == file->inode)
		return fd;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/map_files/%" PRIx64 "-%" PRIx64, pid,
	         file->start, file->end);
	other = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (other < 0)
		return fd; /* layered file systems number files twice */
	if (fd >= 0)
		close(fd);
	return other;
}

/* False: the first mapping is none of its segments. */
static bool find_bias(const struct cs_go_mapped *file, struct cs_go_program *program)
{
	const struct cs_go_image *image = &program->image;

	for (uint32_t i = 0; i < image->segment_count; i++) {
		const struct cs_go_segment *segment = &image->segments[i];

		if ((segment->file_offset & ~PAGE_MASK) != file->offset)
			continue;
		program->bias = file->start - (segment->vaddr & ~PAGE_MASK);
		return true;
	}
	return false;
}

static bool take_if_go(void *context, const struct cs_go_mapped *file)
{
	struct search *search = context;
	struct cs_go_program *program = search->program;

	if (file->inode == search->program_inode)
		return false;
	int fd = open_mapped(search->pid, file);

	if (fd < 0 || cs_go_image_open(&program->image, fd, file->path, NULL))
		return false;
	if (!program->image.linked_by_go || !find_bias(file, program) || search->left-- > 0) {
		cs_go_image_close(&program->image);
		return false;
	}
	snprintf(program->path, sizeof(program->path), "%s", file->path);
	search->found = true;
	return true;
}

int cs_go_program_library(struct cs_go_program *program, uint32_t pid, uint32_t index)
{
	struct search search = {.program = program, .pid = pid, .left = index};
	struct stat status;
	char path[64];

	*program = (struct cs_go_program){.image = {.fd = -1}};
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", pid);
	if (stat(path, &status) == 0)
		search.program_inode = (uint64_t)status.st_ino;
	cs_go_mapped_each(pid, take_if_go, &search);
	return search.found ? 0 : -ENOENT;
}

uint64_t cs_go_program_stamp(uint32_t pid)
{
	unsigned char words[AUXV_BYTES];
	struct stat status;
	char path[64];
	uint64_t stamp;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", pid);
	if (stat(path, &status) != 0)
		return 0;
	stamp = cs_hash_u64((uint64_t)status.st_ino);
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/auxv", pid);
	FILE *file = fopen(path, "re");
	size_t bytes = file ? fread(words, 1, sizeof(words), file) : 0;

	if (file)
		fclose(file);
	for (size_t i = 0; i + 8 <= bytes; i += 8)
		stamp = cs_hash_u64(stamp ^ cs_go_u64(words, i));
	return bytes ? stamp | 1 : 0;
}

bool cs_go_program_changed(uint32_t pid, uint64_t stamp, struct cs_diag *diag)
{
	uint64_t now = cs_go_program_stamp(pid);

	if (!now || !stamp || now == stamp)
		return false;
	cs_diag_set(diag, -ESTALE, "read %" PRIu32 ": it has become another program (exec)", pid);
	cs_diag_hint(diag, "ask again");
	return true;
}

void cs_go_program_close(struct cs_go_program *program)
{
	cs_go_image_close(&program->image);
}
