/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a process that may hold a Go runtime: the program itself, or a library that it
 * has loaded (-buildmode=c-shared, and libraries with a c-archive in them).
 */
#ifndef CS_GO_PROGRAM_H
#define CS_GO_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "go/image.h"

struct cs_go_program {
	struct cs_go_image image;
	uint64_t bias;               /* address in memory - address in the file */
	char path[CS_GO_PATH_BYTES]; /* as the kernel names it */
};

/* The program of PID. 0 or -errno with DIAG; -ENOEXEC: of a kind that is not read. */
int cs_go_program_open(struct cs_go_program *program, uint32_t pid, struct cs_diag *diag);

/*
 * The library of PID that is the INDEX-th, from 0 in the order of addresses, of those that Go
 * has linked: some may be plugins of another. -ENOENT: there are no more.
 */
int cs_go_program_library(struct cs_go_program *program, uint32_t pid, uint32_t index);

/*
 * Stands for the program that PID runs: another number once it has called exec, also of the
 * same program (the kernel then lays it out anew). 0: not known.
 */
uint64_t cs_go_program_stamp(uint32_t pid);

/* Whether PID, which lives, runs another program than that of STAMP; then DIAG says so. */
bool cs_go_program_changed(uint32_t pid, uint64_t stamp, struct cs_diag *diag);

void cs_go_program_close(struct cs_go_program *program);

#endif
