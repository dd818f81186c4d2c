/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running process that is looked at from outside: the table of observers, and the way from
 * a PID to a model. Nothing is written to the process.
 */
#ifndef CS_COMMAND_LIVE_H
#define CS_COMMAND_LIVE_H

#include "base/diag.h"
#include "command/command.h"
#include "source/observe.h"

struct cs_live {
	uint32_t pid;
	uint32_t process; /* of the model */
	const struct cs_observer *observer;
	struct cs_observation *observation;
	struct cs_model *model; /* borrowed */
	uint64_t start_ns;      /* CLOCK_MONOTONIC at the model's time 0 */
	bool unwritten; /* it is being recorded, and nothing of it has been written as yet */
};

/* An option of every command that takes -p; read by cs_target_open_args(). */
#define CS_OPTION_PID                                                                     \
	{                                                                                 \
		.name = "pid", .letter = 'p', .kind = CS_OPTION_COUNT, .argument = "PID", \
		.help = "a running process, read without stopping it"                     \
	}
#define CS_OPTION_LEVEL                                                                       \
	{                                                                                     \
		.name = "level", .kind = CS_OPTION_TEXT, .argument = "LEVEL",                 \
		.choices = cs_level_choices, .preset = "read",                                \
		.help = "with -p: read never stops the process, freeze stops it for a moment" \
	}
extern const char *const cs_level_choices[]; /* "read", "freeze" */
enum cs_level cs_level_of(const struct cs_args *args);

/*
 * Whether PID can be looked at, and by whom. NULL with DIAG: there is no such process, it is
 * not ours to read, or no observer knows its kind.
 */
const struct cs_observer *cs_live_probe(uint32_t pid, struct cs_diag *diag);

/* What -p says, a number that a process can have. 0, or -ESRCH with DIAG. */
int cs_live_pid(const struct cs_args *args, uint32_t *pid, struct cs_diag *diag);

/* Whether PID is gone, or on its way: what was read of it last may be anything. */
bool cs_live_has_ended(uint32_t pid);

/*
 * Makes PID a process of MODEL and opens it; MODEL and SYMBOLS must outlive LIVE. The model's
 * time 0 is when the process started. 0 or -errno; cs_live_close() in either case.
 */
int cs_live_open(struct cs_live *live, uint32_t pid, struct cs_model *model,
                 struct cs_symbols *symbols, struct cs_diag *diag);
/*
 * One look. RESULT is of this look. -ESRCH: it has ended, the model holds what was read before;
 * -ESTALE: likewise, it runs another program by now.
 */
int cs_live_look(struct cs_live *live, const struct cs_observe_options *options,
                 struct cs_observe_result *result, struct cs_diag *diag);
void cs_live_close(struct cs_live *live);

#endif
