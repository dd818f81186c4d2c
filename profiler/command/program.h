/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program file is, as far as it decides whether the agent can be in it: asked before
 * a start, so that the reason is known, and by doctor. The file is only read.
 */
#ifndef CS_COMMAND_PROGRAM_H
#define CS_COMMAND_PROGRAM_H

#include <limits.h>
#include <stdbool.h>

#include "base/diag.h"

enum cs_program_kind {
	CS_PROGRAM_NATIVE,  /* 64-bit x86-64 ELF */
	CS_PROGRAM_32_BIT,  /* i386 or x32 */
	CS_PROGRAM_FOREIGN, /* of another architecture */
	CS_PROGRAM_LIBRARY, /* an object file or core dump: nothing to start */
	CS_PROGRAM_OTHER,   /* no ELF file, and no script with "#!" */
};

struct cs_program {
	char path[PATH_MAX];   /* as found through PATH */
	char script[PATH_MAX]; /* "" or the script whose interpreter `path` is */
	enum cs_program_kind kind;
	bool is_static;      /* has no dynamic loader */
	bool foreign_loader; /* its loader is not glibc's */
	char loader[256];
	/* The loader will ignore what we preload: it gets more rights than we have. */
	bool gains_user, gains_group, gains_capabilities;
	bool go;                  /* made by the Go compiler */
	bool own_malloc;          /* malloc is defined in the executable itself … */
	bool own_malloc_exported; /* … and its libraries are served by it as well */
	char allocator[64]; /* library linked that brings a malloc: "libjemalloc.so.2"; or "" */
	char sanitizer[64]; /* "libasan.so.8", or "" */
};

/*
 * Finds NAME as execvp() would, and reads it; a script's interpreter in its place. 0, or
 * -ENOENT, -EACCES … with a DIAG that starts with "start NAME:".
 */
int cs_program_find(struct cs_program *program, const char *name, struct cs_diag *diag);

/* Reads the file at PATH, such as "/proc/42/exe", whatever its permissions say. */
int cs_program_read(struct cs_program *program, const char *path, struct cs_diag *diag);

/* Whether the agent can be in it: 0, or -errno and a DIAG with the reason and the way out. */
int cs_program_check(const struct cs_program *program, struct cs_diag *diag);

#endif
