/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Go process opened for reading: its program, its tables, where the runtime's variables are.
 *
 * Nothing is opened that was not proven: the layout that its version of Go asks for is tried on
 * its goroutines, and refused when they make no sense in it.
 */
#ifndef CS_GO_PROCESS_H
#define CS_GO_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "go/image.h"
#include "go/layout.h"
#include "go/locate.h"
#include "go/memory.h"
#include "go/module.h"
#include "go/program.h"
#include "go/unwind.h"
#include "go/version.h"

#define CS_GO_MODULES_MAX 64u
#define CS_GO_REASON_BYTES 48u

struct cs_go {
	uint32_t pid;
	uint64_t stamp; /* of the program, see program.h */
	struct cs_go_memory memory;
	struct cs_go_image image;
	struct cs_go_module modules[CS_GO_MODULES_MAX]; /* the first is the program */
	uint32_t module_count;
	struct cs_go_version version;
	struct cs_go_layout layout;
	uint32_t behaves_as; /* minor version: what is no offset, as the shape of labels */
	bool layout_guessed; /* of a version that we do not know: the newest one fitted */
	struct cs_go_variables variables;
	struct cs_go_places places;
	char path[CS_GO_PATH_BYTES];           /* of its file, as the kernel names it */
	char other[CS_GO_PATH_BYTES];          /* of one with another runtime, "" none */
	char reasons[256][CS_GO_REASON_BYTES]; /* of waiting, in Go's own words */
};

/* 1: PID runs a Go program; 0: it does not; -errno with DIAG: it can't be told, or read. */
int cs_go_probe(uint32_t pid, struct cs_diag *diag);
/* The same of Go libraries that a program of another language has loaded. */
int cs_go_probe_libraries(uint32_t pid, struct cs_diag *diag);

/* NULL with DIAG. */
struct cs_go *cs_go_open(uint32_t pid, struct cs_diag *diag);
void cs_go_close(struct cs_go *go);

/*
 * The same over a program and a memory that are given (tests, fuzzers): takes IMAGE, whose
 * addresses are BIAS less than those of memory.
 */
struct cs_go *cs_go_open_image(struct cs_go_image *image, uint64_t bias,
                               const struct cs_go_memory *memory, struct cs_diag *diag);

#endif
