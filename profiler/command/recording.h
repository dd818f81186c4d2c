/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One recording of a launched program: what record.c sets up, recording.c carries through and
 * summary.c speaks of.
 */
#ifndef CS_COMMAND_RECORDING_H
#define CS_COMMAND_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "command/command.h"
#include "command/control.h"
#include "command/launch.h"
#include "command/launch_cpu.h"
#include "command/progress.h"
#include "command/written.h"
#include "model/model.h"
#include "model/symbols.h"
#include "source/clock.h"
#include "source/collector.h"
#include "source/session.h"
#include "symbol/resolver.h"
#include "trace/trace.h"

struct cs_recording {
	const struct cs_args *args;
	struct cs_written written;
	uint64_t duration_ns;        /* 0: as long as the program runs */
	uint64_t max_bytes, last_ns; /* of the trace; 0: all of it is kept */

	struct cs_session_config config;
	struct cs_session_folder folder;
	struct cs_clock clock;
	struct cs_model *model;
	struct cs_symbols *names;
	struct cs_resolver *resolver;
	struct cs_trace_writer *writer;
	struct cs_collector *collector;
	struct cs_launch launch;
	struct cs_progress progress;
	struct cs_control control;

	uint32_t cpu_hz;           /* 0: no CPU samples */
	struct cs_launch_cpu *cpu; /* NULL: not sampled */

	uint32_t root;     /* the program's first image in the model, 0 not seen yet */
	bool cannot_start; /* what failed was the start of the program itself */
	bool root_ended;
	uint64_t root_end_ns;
	int status;           /* of the program, as waitpid gives it */
	const char *ended_by; /* NULL: goes on */
	bool said_silent, said_others;
	bool said_image;
	uint64_t image_ns; /* of the next look at what the process runs */
	uint32_t strange_looks;
	uint64_t foreign_ns, foreign_wait_ns; /* the next look for other users' processes */
	uint64_t others_ns; /* the next look for processes that have told nothing yet */
	unsigned signals_seen;
	uint64_t hurry_ns; /* when a signal's patience ends; 0: no signal */

	/* The end, for the summary. */
	struct cs_collector_stats stats;
	struct cs_trace_summary summary;
	uint64_t trace_bytes, kept_from_ns;
	struct cs_resolver_result resolved;
};

/* Starts the program and records it to its end. A status, or -errno with DIAG. */
int cs_recording_run(struct cs_recording *recording, const char *agent, struct cs_diag *diag);

/* --cpu and --no-cpu. 0 or -errno. */
int cs_recording_read_cpu(struct cs_recording *recording, const struct cs_args *args,
                          struct cs_diag *diag);
/* The program's process waits: it is sampled from its exec on. 0 or -errno. */
int cs_recording_start_cpu(struct cs_recording *recording, cs_code_module *on_module,
                           struct cs_diag *diag);
/* Lines of the summary. */
void cs_recording_say_cpu(const struct cs_recording *recording);

/* "cannot …" and a hint, between two lines of progress. */
void cs_recording_tell(struct cs_recording *recording, const struct cs_diag *diag);

/* Tells once if the program's process runs another program that is not heard of. */
void cs_recording_look_at_image(struct cs_recording *recording, uint64_t now_ns);

/* Tells of the first process that the program starts as another user, unless we are root. */
void cs_recording_look_for_foreigners(struct cs_recording *recording, uint64_t now_ns);

/* Tells of each process of the session that can't record because it is another user's. */
void cs_recording_look_for_strangers(struct cs_recording *recording);

/* Says in DIAG why nothing has been heard of the program's agent. */
void cs_recording_why_silent(const struct cs_recording *recording, struct cs_diag *diag);

/* What was seen and lost, what it cost, and what to do next; on stderr. */
void cs_recording_summary(const struct cs_recording *recording);

#endif
