/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace that a command reads: FILE, or FILE@TIME for its state at that time.
 */
#ifndef CS_COMMAND_TARGET_H
#define CS_COMMAND_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "model/model.h"
#include "model/snapshot.h"
#include "model/symbols.h"
#include "trace/trace.h"

struct cs_target {
	char *path;
	char *time; /* what stood behind '@'; NULL: the end */
	struct cs_trace *trace;
};

/* The state of a target at one time. All NULL is an empty one. */
struct cs_moment {
	struct cs_model *model;
	struct cs_symbols *symbols;
	struct cs_snapshot *snapshot;
	bool at_peak;
};

/*
 * Splits TEXT at its last '@', unless a file of the whole name exists. 0 or -ENOMEM; PATH and
 * TIME (NULL: none) are the caller's.
 */
int cs_target_split(const char *text, char **path, char **time);

/* Opens the trace that TEXT names. 0 or -errno; cs_target_close() in either case. */
int cs_target_open(struct cs_target *target, const char *text, struct cs_diag *diag);
void cs_target_close(struct cs_target *target);

/* The state at TIME, one of the forms that cs_trace_time() knows; NULL: the end. */
int cs_target_load(struct cs_target *target, const char *time, struct cs_moment *moment,
                   struct cs_diag *diag);

/*
 * As cs_target_load(); but at "peak", what was in use when each process was at its own
 * highest point, to the block, where cs_target_load() has the last tick at or before one time.
 */
int cs_target_load_in_use(struct cs_target *target, const char *time, struct cs_moment *moment,
                          struct cs_diag *diag);
void cs_moment_release(struct cs_moment *moment);

/*
 * Names of a trace that has none, from the files here whose build ids are the same; before
 * stacks are shown.
 */
int cs_target_name_frames(const struct cs_target *target, struct cs_moment *moment,
                          struct cs_diag *diag);

/* Tells what is missing in the file, on stderr; call it after loading, once for each file. */
void cs_target_warn(const struct cs_target *target);

#endif
