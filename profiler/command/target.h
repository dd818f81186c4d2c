/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command reads: a trace, FILE, or FILE@TIME for its state at that time; or a running
 * process, -p PID, as it is when it is loaded.
 */
#ifndef CS_COMMAND_TARGET_H
#define CS_COMMAND_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "command/live.h"
#include "model/model.h"
#include "model/snapshot.h"
#include "model/symbols.h"
#include "trace/trace.h"

struct cs_target {
	char *path;                      /* for messages: "process 42" */
	char *time;                      /* what stood behind '@'; NULL: the end */
	struct cs_trace *trace;          /* NULL: a running process */
	uint32_t pid;                    /* 0: a trace */
	struct cs_observe_options want;  /* of a running process; by cs_target_open_args() all */
	struct cs_observe_result looked; /* of the last load of one */
	bool cut;                        /* it ended in that load */
	bool unwritten;                  /* in that load nothing had been written of it yet */
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
/*
 * The same of what ARGS name: the operand, or -p PID with --level, of commands that have these
 * options (CS_OPTION_PID, CS_OPTION_LEVEL) and take at most one operand.
 */
int cs_target_open_args(struct cs_target *target, const struct cs_args *args, struct cs_diag *diag);
void cs_target_close(struct cs_target *target);

/*
 * The state at TIME, NULL for a running process: it is looked at; or one of the forms that
 * cs_trace_time() knows; NULL: the end.
 */
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
