/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of every shape that compilers make, to stand between a test and what it observes.
 */
#ifndef TEST_FRAMES_H
#define TEST_FRAMES_H

#include <stdint.h>

/* Calls LEAF(ARG) below frames of the shapes that PATH spells, four bits a frame, low first. */
#define FRAMES_SHAPES 12
void frames_call(uint64_t path, unsigned count, void (*leaf)(void *), void *arg);

#endif
