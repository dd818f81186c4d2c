/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds all threads of a process still for a moment, and gives their registers. Nothing is
 * written to the target: it goes on where it was, also when we die while it is held.
 */
#ifndef CS_GO_FREEZE_H
#define CS_GO_FREEZE_H

#include <stdint.h>

#include "base/diag.h"

struct cs_go_held {
	uint32_t tid; /* as we see it */
	int signal;   /* of the program's own, which it was about to get; 0 none */
	uint64_t pc, sp;
};

struct cs_go_freeze {
	struct cs_go_held *threads;
	uint32_t count, room;
	uint64_t since_ns; /* CLOCK_MONOTONIC */
};

/*
 * 0: held until cs_go_thaw(), which must follow. When it fails half way it has
 * let go what it held. -EPERM: traced by another one, or not permitted; -ESRCH: it has gone.
 */
int cs_go_freeze(struct cs_go_freeze *freeze, uint32_t pid, struct cs_diag *diag);

/* Lets it go; returns for how long it was held, ns. Harmless when nothing is held. */
uint64_t cs_go_thaw(struct cs_go_freeze *freeze);

#endif
