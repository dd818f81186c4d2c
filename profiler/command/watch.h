/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recording of a process that runs already and is observed from outside: looks of its
 * observer at an interval, CPU samples of the kernel, and what they tell, into a trace.
 * `record -p` goes on for a while, `snapshot` is one look.
 */
#ifndef CS_COMMAND_WATCH_H
#define CS_COMMAND_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "command/command.h"
#include "command/control.h"
#include "command/live.h"
#include "command/progress.h"
#include "command/watch_cpu.h"
#include "command/watch_wall.h"
#include "command/written.h"
#include "model/symbols.h"
#include "source/clock.h"
#include "symbol/resolver.h"
#include "trace/trace.h"

struct cs_watch {
	const struct cs_args *args;
	uint32_t pid;
	struct cs_written written;
	uint64_t duration_ns;        /* 0: until it ends, or somebody interrupts */
	uint64_t interval_ns;        /* between looks */
	uint64_t asked_ns;           /* the interval, before somebody steered */
	uint32_t budget;             /* of a core, for looks, in percent */
	uint64_t max_bytes, last_ns; /* of the trace; 0: all of it is kept */
	uint32_t cpu_hz, wall_hz;    /* 0: none */
	bool cpu_asked;              /* by name: it is a condition */
	struct cs_observe_options want;

	struct cs_clock clock;
	uint64_t begun_ns; /* its time when we began: later than 0 where times went on */
	struct cs_model *model;
	struct cs_symbols *names;
	struct cs_resolver *resolver;
	struct cs_trace_writer *writer;
	struct cs_live live;
	struct cs_watch_cpu *cpu;   /* NULL: not sampled */
	struct cs_diag cpu_refusal; /* why not; none: it is, or is not wanted */
	struct cs_watch_wall wall;
	struct cs_progress progress;
	struct cs_control control;
	int pidfd;

	const char *ended_by;  /* NULL: goes on */
	bool failed;           /* the trace can't be written any further */
	uint64_t gc_cycles;    /* at the last look */
	uint32_t named_frames; /* whose names are in the trace */

	/* For the summary. */
	uint64_t looks, look_ns, longest_look_ns, frozen_ns;
	uint64_t coroutines, most_coroutines; /* the program's own */
	uint64_t unstable, rejected;
	uint64_t stretched_ns; /* the interval that looks were kept to; 0: the one asked for */
	char warning[256];
	struct cs_trace_summary summary;
	uint64_t trace_bytes;
	struct cs_resolver_result resolved;
};

/* Opens the process and the trace. 0 or -errno with DIAG; cs_watch_close() in either case. */
int cs_watch_open(struct cs_watch *watch, struct cs_diag *diag);
void cs_watch_close(struct cs_watch *watch);

/* One look. 0; -ESRCH: it has ended; -errno with DIAG. */
int cs_watch_look(struct cs_watch *watch, struct cs_diag *diag);
/* What has changed since the last time, into the trace. 0 or -errno with DIAG. */
int cs_watch_write(struct cs_watch *watch, bool keyframe, struct cs_diag *diag);
/* The last keyframe, names, summary; the file is whole then. 0 or -errno with DIAG. */
int cs_watch_finish(struct cs_watch *watch, struct cs_diag *diag);

/* record -p: looks until the end. 0 or -errno with DIAG. */
int cs_watch_run(struct cs_watch *watch, struct cs_diag *diag);

/* What was seen, what it cost, and what to do next; on stderr. */
void cs_watch_say(const struct cs_watch *watch);

#endif
