/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a goroutine is that runs while its process is held still. Its thread may work on another
 * stack; then the place that it saved is true only if it left by a switch that saves it.
 */
#ifndef CS_GO_RUNNING_H
#define CS_GO_RUNNING_H

#include <stdbool.h>
#include <stdint.h>

#include "go/freeze.h"
#include "go/process.h"

struct cs_go_running {
	uint64_t m, low, high; /* its thread, its stack */
	uint64_t pc, sp;       /* what it has saved; set to where it is */
	bool exact;            /* set: pc is of an instruction, not a return address */
};

/* False: nobody knows, and pc and sp may be of another time. */
bool cs_go_running_place(struct cs_go_running *running, struct cs_go *go,
                         const struct cs_go_freeze *freeze);

#endif
