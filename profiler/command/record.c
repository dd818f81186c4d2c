/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope record: starts a program under the agent and writes what it does into a trace.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/agent_file.h"
#include "command/live.h"
#include "command/program.h"
#include "command/record_process.h"
#include "command/recording.h"
#include "command/registry.h"
#include "wire/session.h"

/* Every event of every thread in exact mode; a few a second in sampled mode. */
#define BUFFER_EXACT (UINT64_C(4) << 20)
#define BUFFER_SAMPLED (UINT64_C(256) << 10)
#define BUFFER_MIN UINT64_C(4096)
#define HEAP_MEAN_MAX (UINT64_C(1) << 40)
#define BUFFER_MAX (UINT64_C(1) << 30)

/* Below these a trace would hold next to nothing. */
#define TRACE_MIN (UINT64_C(64) << 10)
#define LAST_MIN_NS UINT64_C(1000000000)

static const char *const full_choices[] = {"block", "drop", NULL};

static const char *const sched_choices[] = {"count", "time", "all", NULL};

static const struct cs_option options[] = {
	CS_OPTION_PID,
	CS_OPTION_OUTPUT("PROGRAM.PID.coro"),
	{.name = "duration",
         .letter = 'd',
         .kind = CS_OPTION_DURATION,
         .argument = "TIME",
         .help = "record for TIME, then let the program go on alone"},
	{.name = "max-size",
         .kind = CS_OPTION_SIZE,
         .argument = "SIZE",
         .help = "keep FILE below SIZE: the oldest part is dropped, sums go on"},
	{.name = "last",
         .kind = CS_OPTION_DURATION,
         .argument = "TIME",
         .help = "a flight recorder: keep the last TIME, drop what is older"},
	CS_OPTION_HEAP,
	{.name = "sched",
         .negatable = true,
         .optional = true,
         .kind = CS_OPTION_TEXT,
         .argument = "WHAT",
         .choices = sched_choices,
         .preset = "count",
         .help = "follow coroutines: count switches, time each of them, or record all of it"},
	CS_OPTION_CPU,
	CS_OPTION_WALL,
	{.name = "interval",
         .kind = CS_OPTION_DURATION,
         .argument = "TIME",
         .preset = "1s",
         .help = "with -p: look at coroutines, heap and figures every TIME"},
	{.name = "budget",
         .kind = CS_OPTION_COUNT,
         .argument = "PERCENT",
         .preset = "10",
         .help = "with -p: look less often when looks would take more than that of a core"},
	{.name = "control",
         .kind = CS_OPTION_TEXT,
         .complete = CS_OPERAND_FILE,
         .argument = "FILE",
         .help = "be steered by FILE while recording: interval TIME, hold (drop nothing)"},
	CS_OPTION_LEVEL,
	{.name = "children",
         .negatable = true,
         .help = "record the processes that it starts as well (the default)"},
	{.name = "buffer",
         .kind = CS_OPTION_SIZE,
         .argument = "SIZE",
         .preset = "4MiB for every allocation, else 256KiB",
         .help = "memory shared with each thread at most, a power of two; with more than 64 threads later ones get less"},
	{.name = "on-full",
         .kind = CS_OPTION_TEXT,
         .argument = "WHAT",
         .choices = full_choices,
         .preset = "block for every allocation, else drop",
         .help = "what a thread does when its buffer is full: wait a little, or lose events"},
	{.name = "seed",
         .kind = CS_OPTION_COUNT,
         .argument = "N",
         .help = "seed of the sampler: the same program gives the same samples"},
	CS_OPTION_SYMBOLS,
	CS_OPTION_ARGS,
	CS_OPTION_DEBUGINFOD,
	{.name = "run-anyway",
         .help = "run a program that can't be recorded, without recording it"},
	{0},
};
static const struct cs_option_group group = {NULL, options};

/* ---- options to configuration ---- */

static int read_heap(const struct cs_args *args, struct cs_session_config *config,
                     struct cs_diag *diag)
{
	const struct cs_value *heap = cs_args_get(args, "heap");

	config->heap_mean_bytes = CS_HEAP_MEAN_DEFAULT;
	if (heap->negated)
		config->heap_mean_bytes = CS_HEAP_OFF;
	else if (heap->text && !strcmp(heap->text, "all"))
		config->heap_mean_bytes = CS_HEAP_ALL;
	else if (heap->text)
		config->heap_mean_bytes = heap->number;
	if (!heap->text || heap->negated ||
	    (config->heap_mean_bytes && config->heap_mean_bytes <= HEAP_MEAN_MAX))
		return 0;
	cs_diag_set(diag, -EINVAL, "understand --heap=%s: there is no such mean", heap->text);
	return cs_diag_hint(diag, "--heap=all records every allocation, --no-heap none");
}

static int read_buffer(const struct cs_args *args, struct cs_session_config *config,
                       struct cs_diag *diag)
{
	bool exact = config->heap_mean_bytes == CS_HEAP_ALL;
	uint64_t bytes = cs_args_number(args, "buffer", exact ? BUFFER_EXACT : BUFFER_SAMPLED);

	if (bytes >= BUFFER_MIN && bytes <= BUFFER_MAX && !(bytes & (bytes - 1))) {
		config->lane_bytes = bytes;
		return 0;
	}
	cs_diag_set(diag, -EINVAL, "use a buffer of %" PRIu64 " bytes", bytes);
	return cs_diag_hint(diag, "it must be a power of two from 4KiB to 1GiB: 64KiB, 1MiB, 4MiB");
}

static int read_bounds(const struct cs_args *args, struct cs_recording *recording,
                       struct cs_diag *diag)
{
	const struct cs_value *size = cs_args_get(args, "max-size");
	const struct cs_value *last = cs_args_get(args, "last");

	recording->max_bytes = size->number;
	recording->last_ns = last->number;
	if (size->given && size->number < TRACE_MIN) {
		cs_diag_set(diag, -EINVAL, "keep a trace below %s", size->text);
		return cs_diag_hint(diag, "64KiB is the least, 16MiB is reasonable");
	}
	if (last->given && last->number < LAST_MIN_NS) {
		cs_diag_set(diag, -EINVAL, "keep the last %s", last->text);
		return cs_diag_hint(diag, "1s is the least");
	}
	return 0;
}

static uint32_t sched_flags(const struct cs_args *args)
{
	const char *what = cs_args_text(args, "sched", "count");
	uint32_t flags = CS_SESSION_SCHED;

	if (cs_args_get(args, "sched")->negated)
		return 0;
	if (strcmp(what, "count") != 0)
		flags |= CS_SESSION_SCHED_TIME;
	if (!strcmp(what, "all"))
		flags |= CS_SESSION_SCHED_EVENTS;
	return flags;
}

static int read_config(const struct cs_args *args, struct cs_recording *recording,
                       struct cs_diag *diag)
{
	struct cs_session_config *config = &recording->config;
	int error = read_heap(args, config, diag);
	bool exact = config->heap_mean_bytes == CS_HEAP_ALL;

	if (!error)
		error = read_buffer(args, config, diag);
	if (!error)
		error = read_bounds(args, recording, diag);
	if (error)
		return error;
	if (!strcmp(cs_args_text(args, "on-full", exact ? "block" : "drop"), "block"))
		config->flags |= CS_SESSION_BLOCK;
	if (!cs_args_get(args, "children")->negated)
		config->flags |= CS_SESSION_CHILDREN;
	if (cs_args_get(args, "args")->negated)
		config->flags |= CS_SESSION_NO_ARGS;
	config->flags |= sched_flags(args);
	config->seed = cs_args_number(args, "seed", 0);
	error = cs_recording_read_cpu(recording, args, diag);
	if (error)
		return error;
	recording->args = args;
	recording->control.path = cs_args_text(args, "control", NULL);
	recording->duration_ns = cs_args_number(args, "duration", 0);
	return cs_written_read(&recording->written, args, diag);
}

/* ---- running ---- */

static int start_status(const struct cs_diag *diag)
{
	cs_report(diag);
	return diag->error == -ENOENT ? CS_EXIT_NO_PROGRAM : CS_EXIT_CANNOT_START;
}

/* The user wants it to run, recorded or not. */
static int run_plain(const struct cs_args *args, struct cs_diag *diag)
{
	cs_warn("cannot %s; it runs without us", diag->text);
	execvp(args->operands[0], args->operands);
	cs_diag_set(diag, -errno, "start %s: %s", args->operands[0], strerror(errno));
	return start_status(diag);
}

static int check_program(const struct cs_args *args, struct cs_diag *diag, bool *startable)
{
	struct cs_program program;
	int error = cs_program_find(&program, args->operands[0], diag);

	*startable = error == 0;
	if (error)
		return error;
	error = cs_program_check(&program, diag);
	if (error && (program.kind == CS_PROGRAM_OTHER || program.kind == CS_PROGRAM_LIBRARY ||
	              program.kind == CS_PROGRAM_FOREIGN))
		*startable = false;
	return error;
}

/* What is for running processes only is not ignored. */
static int refuse_observers_options(const struct cs_args *args, struct cs_diag *diag)
{
	static const char *const names[] = {"wall", "interval", "budget", "level"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!cs_args_get(args, names[i])->given)
			continue;
		cs_diag_set(diag, -EINVAL, "use --%s without -p", names[i]);
		return cs_diag_hint(diag, "it is for running processes: coroscope record -p PID");
	}
	return 0;
}

static int check_duration(const struct cs_args *args, struct cs_diag *diag)
{
	const struct cs_value *duration = cs_args_get(args, "duration");

	if (!duration->given || duration->number)
		return 0;
	cs_diag_set(diag, -EINVAL, "record for %s", duration->text);
	return cs_diag_hint(diag, "without --duration it is recorded until it ends");
}

static int run_record(const struct cs_args *args, struct cs_diag *diag)
{
	static struct cs_recording recording; /* large: clock pairs, paths */
	char agent[PATH_MAX];
	bool startable;
	int error;

	error = check_duration(args, diag);
	if (error)
		return error;
	if (cs_args_get(args, "pid")->given)
		return cs_record_process(args, diag);
	error = refuse_observers_options(args, diag);
	if (error)
		return error;
	if (args->operand_count == 0) {
		cs_diag_set(diag, -EINVAL, "record: no program is named");
		return cs_diag_hint(diag, "usage: coroscope record [OPTIONS] [--] PROGRAM [ARGS…]");
	}
	memset(&recording, 0, sizeof(recording));
	error = read_config(args, &recording, diag);
	if (error)
		return error;
	error = check_program(args, diag, &startable);
	if (error && startable && cs_args_on(args, "run-anyway"))
		return run_plain(args, diag);
	if (error)
		return startable ? error : start_status(diag);
	error = cs_agent_file(agent, sizeof(agent), diag);
	if (error)
		return error;
	error = cs_recording_run(&recording, agent, diag);
	return error < 0 && recording.cannot_start ? start_status(diag) : error;
}

const struct cs_command cs_command_record = {
	.name = "record",
	.summary = "record a program, or a running process, into a trace",
	.usage = (const char *const[]){"[OPTIONS] [--] PROGRAM [ARGS…]", "[OPTIONS] -p PID", NULL},
	.description =
		"Starts PROGRAM with the agent loaded and writes a trace while it runs: allocations by "
		"stack, thread and process, over time. Processes that it starts are recorded into the "
		"same trace. Any dynamically linked x86-64 program can be recorded, whatever its "
		"allocator.\n\n"
		"By default allocations are sampled, which costs next to nothing: figures are "
		"estimates with known intervals. With --heap=all every allocation is recorded and "
		"figures are exact.\n\n"
		"With --cpu the kernel samples where the CPU time of its threads goes. That costs some "
		"0.4 us at each switch of a thread and some 0.1 ms for each CPU at each fork, which is "
		"why it is to be asked for.\n\n"
		"With -p a process that runs already is recorded, from outside, without stopping or "
		"changing it: its coroutines with their stacks at an interval, the heap profile and the "
		"figures that its runtime keeps, and CPU samples by coroutine. Go programs can be "
		"recorded so, any, also without symbols; native ones are to be started by record. With "
		"--wall=HZ coroutines are looked at more often, for a profile of all their time. Ctrl-C "
		"or -d end the recording, and the process goes on.\n\n"
		"Ctrl-C reaches the program as usual, and its end is recorded too; a second one, or "
		"three seconds, finish the trace at once. A trace that was cut short can be read up to "
		"its last tenth of a second.\n\n"
		"With --last 5m or --max-size 64MiB it records for as long as one likes and keeps the "
		"end: at least the last five minutes, or as much as fits. Sums still count from the "
		"start; only the states at times before the kept part are gone. While old parts are "
		"dropped, a second file of at most the same size exists for a moment.",
	.groups = (const struct cs_option_group *const[]){&group, NULL},
	.examples =
		(const struct cs_example[]){
			{"coroscope record ./server --port 80", "sample its heap until it ends"},
			{"coroscope record --heap=all -o t.coro -- make",
                         "every allocation of a build"},
			{"coroscope record -d 30 ./server", "its first thirty seconds"},
			{"coroscope record --cpu ./server", "CPU time as well"},
			{"coroscope record -d 30 --wall -p 1234", "half a minute of a Go program"},
			{"coroscope record --last 5m --max-size 64MiB ./server",
                         "keep the end, for as long as it runs"},
			{NULL, NULL},
		},
	.status =
		"that of PROGRAM, 128 + N if signal N ended it; 126 if it can't be started, 127 if "
		"there is no such program; 2 if anything else fails",
	.operand = CS_OPERAND_PROGRAM,
	.operands_min = 0,
	.operands_max = 0,
	.run = run_record,
};
