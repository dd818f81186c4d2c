/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope snapshot: one look at a running process, as a trace that needs nothing else.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "command/live.h"
#include "command/record_process.h"
#include "command/registry.h"

static int take(struct cs_watch *watch, struct cs_diag *diag)
{
	int error = cs_watch_open(watch, diag);

	if (error == -ESRCH && !diag->error)
		cs_diag_set(diag, error, "observe %" PRIu32 ": it has ended", watch->pid);
	if (error)
		return error;
	watch->ended_by = "snapshot";
	return cs_watch_finish(watch, diag);
}

static void say(const struct cs_watch *watch)
{
	const struct cs_process *process = cs_model_process_at(watch->model, watch->live.process);

	cs_say(watch->args, "%s (%s): %s coroutines of process %" PRIu32 ", read in %s",
	       watch->written.path, cs_text_bytes((double)watch->trace_bytes).s,
	       cs_text_count((double)watch->coroutines).s, watch->pid,
	       cs_text_duration(watch->look_ns).s);
	if (watch->frozen_ns)
		cs_say(watch->args, "  stopped      for %s", cs_text_duration(watch->frozen_ns).s);
	if (watch->unstable)
		cs_say(watch->args, "  unstable     %s changed while they were read",
		       cs_text_count((double)watch->unstable).s);
	if (watch->warning[0])
		cs_warn("%s", watch->warning);
	cs_say(watch->args, "next:");
	cs_written_say(watch->args, "fold --metric coroutines", watch->written.path, "");
	if (process && process->heap_mean_bytes)
		cs_written_say(watch->args, "heap", watch->written.path, "");
}

static int run_snapshot(const struct cs_args *args, struct cs_diag *diag)
{
	static struct cs_watch watch; /* large: clock pairs, paths */
	int error;

	if (!cs_args_get(args, "pid")->given) {
		cs_diag_set(diag, -EINVAL, "take a snapshot: no process is named");
		return cs_diag_hint(diag, "usage: coroscope snapshot -p PID [-o FILE]");
	}
	error = cs_watch_read(&watch, args, diag);
	if (!error) {
		error = take(&watch, diag);
		if (!error)
			say(&watch);
		cs_watch_close(&watch);
	}
	return error;
}

static const struct cs_option options[] = {
	CS_OPTION_PID,
	CS_OPTION_OUTPUT("PROGRAM.PID.coro"),
	CS_OPTION_LEVEL,
	{.name = "heap",
         .negatable = true,
         .help = "the runtime's own heap profile and figures as well (the default)"},
	CS_OPTION_SYMBOLS,
	CS_OPTION_ARGS,
	CS_OPTION_DEBUGINFOD,
	{0},
};
static const struct cs_option_group group = {NULL, options};

const struct cs_command cs_command_snapshot = {
	.name = "snapshot",
	.summary = "write what a running process is doing right now into a trace",
	.usage = (const char *const[]){"-p PID [OPTIONS]", NULL},
	.description =
		"Reads the coroutines of a running process with their stacks, its threads, and the "
		"heap profile and figures that its runtime keeps, once, and writes them into a trace "
		"that all reading commands take, on this machine or another. Two of them are compared "
		"by diff. The process is neither stopped nor changed.\n\n"
		"Go programs can be read: any, also without symbols.",
	.groups = (const struct cs_option_group *const[]){&group, NULL},
	.examples =
		(const struct cs_example[]){
			{"coroscope snapshot -p 1234 -o now.coro", "what it is doing now"},
			{"coroscope diff before.coro after.coro --metric coroutines",
                         "which coroutines have become more"},
			{NULL, NULL},
		},
	.run = run_snapshot,
};
