/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Go process made of 128 KiB: an ELF file with a table of functions, code that touches the
 * runtime's variables, two goroutines, a thread, a processor, profiles and spans. For tests
 * that damage it, which nobody could do to a live one at will.
 */
#ifndef CS_TEST_GO_SCENE_H
#define CS_TEST_GO_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#include "go/observation.h"

#define SCENE_BYTES (128u << 10)
#define SCENE_FILE_BYTES 0xe000u
#define SCENE_BASE UINT64_C(0x400000)

struct scene {
	unsigned char bytes[SCENE_BYTES]; /* SCENE_FILE_BYTES of a file, then memory alone */
	struct cs_model *model;
	struct cs_symbols *symbols;
	struct cs_observation observation;
};

/* What main.worker's goroutine is called. */
#define SCENE_WORKER UINT64_C(18)

/* Whole and right; in image.c. */
void scene_make(struct scene *scene);
/* Opens what BYTES hold now; 0 or -errno. scene_close() in either case. */
int scene_open(struct scene *scene, struct cs_diag *diag);
/* Everything that a look reads, but for /proc. */
int scene_look(struct scene *scene);
void scene_close(struct scene *scene);

#endif
