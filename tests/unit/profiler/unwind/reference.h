/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What elfutils' own unwinder makes of the same registers and memory: slow, and the measure of
 * ours.
 */
#ifndef CS_TEST_REFERENCE_H
#define CS_TEST_REFERENCE_H

#include <sys/types.h>

#include "unwind/unwinder.h"

struct reference;

struct reference *reference_begin(pid_t pid);
void reference_end(struct reference *reference);
/* Maps may have changed. */
void reference_refresh(struct reference *reference);

void reference_walk(struct reference *reference, const struct cs_registers *start, bool exact,
                    struct cs_unwinder_frames *frames);

/* An option for cs_unwinder_new(): opens by path. */
int reference_open_file(void *context, const struct cs_mapping *mapping);

#endif
