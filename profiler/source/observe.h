/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observers: what reads a running process from outside, at level `read` or `freeze`, and tells
 * the model what it saw. One const table per kind of process; `ps`, `heap`, `record -p` and
 * `top` choose the first whose probe() says yes.
 *
 * An observer never writes to the target. All it reads is untrusted. One thread at a time.
 */
#ifndef CS_SOURCE_OBSERVE_H
#define CS_SOURCE_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "model/model.h"
#include "model/symbols.h"

enum cs_level { CS_LEVEL_READ, CS_LEVEL_FREEZE };

struct cs_observe_options {
	enum cs_level level;
	bool stacks; /* also of coroutines that did not change; false: states only */
	bool heap;   /* the runtime's heap profile and figures */
	bool threads;
};

/* What one look cost and could not tell; summed up by the caller. */
struct cs_observe_result {
	uint64_t duration_ns;
	uint64_t frozen_ns;  /* how long the target was stopped; 0 at level read */
	uint64_t coroutines; /* seen alive */
	uint64_t unstable;   /* changed while they were read, also after reading them again */
	uint64_t rejected;   /* made no sense: corrupted, or a layout that we do not know */
	char warning[256];   /* something to say once, "" none: "the profile is off: …" */
};

struct cs_observation; /* of one process, kept between looks: caches, what was last seen */

struct cs_observer {
	const char *name; /* "go" */
	/* 1: this is one of mine; 0: not mine; -errno with DIAG: mine, but can't be observed, why. */
	int (*probe)(uint32_t pid, struct cs_diag *diag);
	/*
	 * Fills MODEL, which is empty, and SYMBOLS with what was written down of PID before.
	 * *PROCESS is its id there, 0: it is not in there; *START_NS CLOCK_MONOTONIC at the
	 * model's time 0, left alone if that may be now. 0 or -errno with DIAG. NULL: nothing is.
	 */
	int (*recall)(uint32_t pid, struct cs_model *model, struct cs_symbols *symbols,
	              uint32_t *process, uint64_t *start_ns, struct cs_diag *diag);
	/* PROCESS is the model's. NULL with DIAG set. */
	struct cs_observation *(*open)(uint32_t pid, uint32_t process, struct cs_model *model,
	                               struct cs_symbols *symbols, struct cs_diag *diag);
	/*
	 * Brings the model to what is now: coroutines, figures, threads (source/threads.h). Time is the model's
	 * present (the caller sets it). 0; -ESRCH the process has gone (what was read before is
	 * in the model); -errno with DIAG.
	 */
	int (*look)(struct cs_observation *observation, const struct cs_observe_options *options,
	            struct cs_observe_result *result, struct cs_diag *diag);
	void (*close)(struct cs_observation *observation);
};

#endif
