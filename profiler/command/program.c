/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dynamic loader ignores a preloaded library without a word where it can't be used:
 * static programs, other architectures, programs that gain rights. Silence would look like
 * a program that never allocates, so we find out beforehand and say it.
 */
#include "command/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "command/image.h"

#define GLIBC_LOADER "/ld-linux-x86-64.so.2"

/* Interpreters of interpreters: the kernel gives up after four. */
#define SCRIPT_DEPTH 4

static bool note_library(void *context, const char *name)
{
	static const char *const allocators[] = {"libjemalloc", "libtcmalloc", "libmimalloc",
	                                         "libsnmalloc", "libhoard",    "librpmalloc"};
	static const char *const sanitizers[] = {"libasan", "libtsan", "liblsan", "libhwasan"};
	struct cs_program *program = context;

	for (size_t i = 0; i < sizeof(allocators) / sizeof(*allocators); i++)
		if (strncmp(name, allocators[i], strlen(allocators[i])) == 0)
			snprintf(program->allocator, sizeof(program->allocator), "%s", name);
	for (size_t i = 0; i < sizeof(sanitizers) / sizeof(*sanitizers); i++)
		if (strncmp(name, sanitizers[i], strlen(sanitizers[i])) == 0)
			snprintf(program->sanitizer, sizeof(program->sanitizer), "%s", name);
	return false;
}

static bool is_malloc(void *context, const char *name)
{
	bool *found = context;

	*found = strcmp(name, "malloc") == 0;
	return *found;
}

static void read_native(struct cs_program *program, const struct cs_image *image)
{
	const char *slash;

	program->kind = CS_PROGRAM_NATIVE;
	if (image->head.e_type != ET_EXEC && image->head.e_type != ET_DYN) {
		program->kind = CS_PROGRAM_LIBRARY;
		return;
	}
	program->is_static = !cs_image_loader(image, program->loader, sizeof(program->loader));
	slash = strrchr(program->loader, '/');
	program->foreign_loader = !program->is_static &&
	                          (!slash || strcmp(slash, GLIBC_LOADER) != 0);
	program->go = cs_image_has_section(image, ".go.buildinfo") ||
	              cs_image_has_section(image, ".note.go.buildid");
	cs_image_needed(image, note_library, program);
	if (program->is_static)
		return;
	cs_image_functions(image, true, is_malloc, &program->own_malloc_exported);
	program->own_malloc = program->own_malloc_exported;
	if (!program->own_malloc)
		cs_image_functions(image, false, is_malloc, &program->own_malloc);
}

static void read_rights(struct cs_program *program, int fd)
{
	struct stat status;

	if (fstat(fd, &status))
		return;
	program->gains_user = (status.st_mode & S_ISUID) && status.st_uid != getuid();
	/* Without the right to execute for the group, the bit asks for mandatory locks. */
	program->gains_group = (status.st_mode & S_ISGID) && (status.st_mode & S_IXGRP) &&
	                       status.st_gid != getgid();
	program->gains_capabilities = getuid() != 0 &&
	                              fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

static enum cs_program_kind kind_of(const Elf64_Ehdr *head)
{
	if (memcmp(head->e_ident, ELFMAG, SELFMAG) != 0)
		return CS_PROGRAM_OTHER;
	if (head->e_machine == EM_386 ||
	    (head->e_machine == EM_X86_64 && head->e_ident[EI_CLASS] == ELFCLASS32))
		return CS_PROGRAM_32_BIT;
	return head->e_machine == EM_X86_64 ? CS_PROGRAM_OTHER : CS_PROGRAM_FOREIGN;
}

int cs_program_read(struct cs_program *program, const char *path, struct cs_diag *diag)
{
	struct cs_image image;

	memset(program, 0, sizeof(*program));
	snprintf(program->path, sizeof(program->path), "%s", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return cs_diag_set(diag, -errno, "read %s: %s", path, strerror(errno));

	int error = cs_image_open(&image, fd);
	if (error == 0)
		read_native(program, &image);
	else if (error == -ENOEXEC)
		program->kind = kind_of(&image.head);
	else
		cs_diag_set(diag, error, "read %s: %s", path, strerror(-error));
	cs_image_close(&image);
	read_rights(program, fd);
	close(fd);
	return error == -ENOEXEC ? 0 : error;
}

/* ---- finding it ---- */

/* 0 if PATH can be executed, else -errno. */
static int executable(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	if (!S_ISREG(status.st_mode))
		return -EACCES;
	return access(path, X_OK) ? -errno : 0;
}

/* The first executable NAME in PATH; as a shell, what is there but not executable comes last. */
static int search_path(const char *name, char *found, size_t bytes)
{
	const char *path = getenv("PATH");
	int worst = -ENOENT;

	if (!path)
		path = "/bin:/usr/bin";
	for (const char *at = path;; at++) {
		size_t length = strcspn(at, ":");
		char candidate[PATH_MAX];

		snprintf(candidate, sizeof(candidate), "%.*s%s%s", (int)length, at,
		         length ? "/" : "./", name);
		int error = executable(candidate);
		if (error == 0) {
			snprintf(found, bytes, "%s", candidate);
			return 0;
		}
		if (error == -EACCES)
			worst = error;
		at += length;
		if (!*at)
			return worst;
	}
}

static int refuse_start(const char *name, int error, struct cs_diag *diag)
{
	switch (error) {
	case -ENOENT:
		cs_diag_set(diag, error, "start %s: there is no such program", name);
		return cs_diag_hint(
			diag,
			strchr(name, '/') ? "check the path; a program in PATH is named without one"
					  : "it is not in PATH; one in this folder is named ./%s",
			name);
	case -EACCES:
		cs_diag_set(diag, error, "start %s: it may not be executed", name);
		return cs_diag_hint(diag, "chmod +x makes a file executable, if it is a program");
	case -EISDIR:
		cs_diag_set(diag, error, "start %s: it is a folder", name);
		return cs_diag_hint(diag, "name the program in it");
	default:
		return cs_diag_set(diag, error, "start %s: %s", name, strerror(-error));
	}
}

/* The interpreter of a script that starts with "#!", or "". */
static void read_interpreter(const char *path, char *interpreter, size_t bytes)
{
	char line[256] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t got = fd >= 0 ? read(fd, line, sizeof(line) - 1) : -1;

	if (fd >= 0)
		close(fd);
	interpreter[0] = 0;
	if (got < 3 || line[0] != '#' || line[1] != '!')
		return;
	const char *start = line + 2 + strspn(line + 2, " \t");
	snprintf(interpreter, bytes, "%.*s", (int)strcspn(start, " \t\r\n"), start);
}

int cs_program_find(struct cs_program *program, const char *name, struct cs_diag *diag)
{
	char path[PATH_MAX], script[PATH_MAX] = "", interpreter[PATH_MAX];
	int error = 0;

	if (strchr(name, '/')) {
		snprintf(path, sizeof(path), "%s", name);
		error = executable(path);
	} else {
		error = name[0] ? search_path(name, path, sizeof(path)) : -ENOENT;
	}
	if (error)
		return refuse_start(name, error, diag);

	for (int depth = 0; depth < SCRIPT_DEPTH; depth++) {
		read_interpreter(path, interpreter, sizeof(interpreter));
		if (!interpreter[0])
			break;
		if (!script[0])
			memcpy(script, path, sizeof(script));
		error = executable(interpreter);
		if (error)
			return cs_diag_set(diag, error, "start %s: its interpreter %s: %s", name,
			                   interpreter, strerror(-error));
		memcpy(path, interpreter, sizeof(path));
	}
	error = cs_program_read(program, path, diag);
	memcpy(program->script, script, sizeof(script));
	return error;
}

/* ---- judging it ---- */

static int refuse_kind(const struct cs_program *program, struct cs_diag *diag)
{
	const char *path = program->path;

	switch (program->kind) {
	case CS_PROGRAM_32_BIT:
		cs_diag_set(diag, -ENOTSUP, "record %s: it is a 32-bit program", path);
		return cs_diag_hint(diag, "use a 64-bit build of it");
	case CS_PROGRAM_FOREIGN:
		cs_diag_set(diag, -ENOTSUP, "record %s: it is made for another architecture", path);
		return cs_diag_hint(diag, "use a build for x86-64");
	case CS_PROGRAM_LIBRARY:
		cs_diag_set(diag, -ENOEXEC, "record %s: it is an object file, not a program", path);
		return cs_diag_hint(diag, "link it first");
	case CS_PROGRAM_OTHER:
		cs_diag_set(diag, -ENOEXEC, "record %s: it is neither an ELF program nor a script",
		            path);
		return cs_diag_hint(diag, "a script starts with a line such as #!/bin/sh");
	case CS_PROGRAM_NATIVE:
		break;
	}
	return 0;
}

static int refuse_rights(const struct cs_program *program, struct cs_diag *diag)
{
	cs_diag_set(diag, -EPERM, "record %s: it %s, so that the loader ignores the agent",
	            program->path,
	            program->gains_user    ? "is setuid"
	            : program->gains_group ? "is setgid"
	                                   : "has file capabilities");
	return cs_diag_hint(diag, "record a copy of it without them (cp drops them), "
	                          "or as the user it runs as");
}

int cs_program_check(const struct cs_program *program, struct cs_diag *diag)
{
	int error = refuse_kind(program, diag);

	if (error)
		return error;
	if (program->is_static) {
		cs_diag_set(diag, -ENOTSUP, "record %s: it is statically linked%s", program->path,
		            program->go ? " (a Go program)" : "");
		return cs_diag_hint(diag, program->go ? "only programs with a dynamic loader can "
		                                        "be recorded yet"
		                                      : "link it dynamically: without -static");
	}
	if (program->foreign_loader) {
		cs_diag_set(diag, -ENOTSUP, "record %s: its loader %s is not that of glibc",
		            program->path, program->loader);
		return cs_diag_hint(diag, "use a build for glibc");
	}
	if (program->sanitizer[0]) {
		cs_diag_set(diag, -ENOTSUP,
		            "record %s: it is built with a sanitizer (%s), which "
		            "must be loaded before anything else",
		            program->path, program->sanitizer);
		return cs_diag_hint(diag, "use a build without sanitizers");
	}
	if (program->gains_user || program->gains_group || program->gains_capabilities)
		return refuse_rights(program, diag);
	return 0;
}
