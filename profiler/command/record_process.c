/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record -p: a running process. Options that shape an agent mean nothing there, and are
 * refused rather than ignored.
 */
#include "command/record_process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/interrupts.h"

#define INTERVAL_DEFAULT_NS UINT64_C(1000000000)
#define BUDGET_DEFAULT 10
#define INTERVAL_MIN_NS UINT64_C(10000000)

static const char *const of_agents[] = {"buffer", "on-full", "seed", "children", "run-anyway"};

static int refuse_agents_options(const struct cs_args *args, struct cs_diag *diag)
{
	for (size_t i = 0; i < sizeof(of_agents) / sizeof(of_agents[0]); i++) {
		if (!cs_args_get(args, of_agents[i])->given)
			continue;
		cs_diag_set(diag, -EINVAL, "use --%s with -p", of_agents[i]);
		return cs_diag_hint(diag, "it is for programs that are started: coroscope record "
		                          "[OPTIONS] PROGRAM");
	}
	if (args->operand_count > 0) {
		cs_diag_set(diag, -EINVAL, "record a process and a program at once");
		return cs_diag_hint(diag, "either -p PID or %s", args->operands[0]);
	}
	return 0;
}

static int read_rate(const struct cs_args *args, const char *name, uint32_t preset, uint32_t most,
                     uint32_t *hz, struct cs_diag *diag)
{
	const struct cs_value *value = cs_args_get(args, name);

	*hz = value->negated ? 0 : preset;
	if (value->negated || !value->text)
		return 0;
	if (value->number >= 1 && value->number <= most) {
		*hz = (uint32_t)value->number;
		return 0;
	}
	cs_diag_set(diag, -EINVAL, "take %s samples a second (--%s)", value->text, name);
	return cs_diag_hint(diag, "1 to %" PRIu32 " can be had", most);
}

int cs_watch_read(struct cs_watch *watch, const struct cs_args *args, struct cs_diag *diag)
{
	int error;

	memset(watch, 0, sizeof(*watch));
	watch->pidfd = -1;
	error = cs_live_pid(args, &watch->pid, diag);
	if (error)
		return error;
	watch->args = args;
	watch->want = (struct cs_observe_options){
		.level = cs_level_of(args),
		.stacks = true,
		.heap = !cs_args_get(args, "heap")->negated,
		.threads = true,
	};
	return cs_written_read(&watch->written, args, diag);
}

static int read_options(struct cs_watch *watch, const struct cs_args *args, struct cs_diag *diag)
{
	const struct cs_value *cpu = cs_args_get(args, "cpu");
	bool wall = cs_args_on(args, "wall");
	int error = cs_watch_read(watch, args, diag);

	if (!error)
		error = refuse_agents_options(args, diag);
	if (!error)
		error = read_rate(args, "cpu", CS_PERF_HZ_DEFAULT, CS_PERF_HZ_MAX, &watch->cpu_hz,
		                  diag);
	if (!error)
		error = read_rate(args, "wall", wall ? CS_WATCH_WALL_HZ_DEFAULT : 0,
		                  CS_WATCH_WALL_HZ_MAX, &watch->wall_hz, diag);
	if (error)
		return error;
	if (cs_args_get(args, "heap")->text) {
		cs_diag_set(diag, -EINVAL, "choose how the heap of a running process is sampled");
		return cs_diag_hint(diag, "it is the runtime's own profile, at its own rate; leave "
		                          "out the size");
	}
	watch->cpu_asked = cpu->given && !cpu->negated;
	watch->duration_ns = cs_args_number(args, "duration", 0);
	watch->max_bytes = cs_args_number(args, "max-size", 0);
	watch->last_ns = cs_args_number(args, "last", 0);
	watch->interval_ns = cs_args_number(args, "interval", INTERVAL_DEFAULT_NS);
	watch->asked_ns = watch->interval_ns;
	watch->control.path = cs_args_text(args, "control", NULL);
	watch->budget = (uint32_t)cs_args_number(args, "budget", BUDGET_DEFAULT);
	if (watch->budget < 1 || watch->budget > 100) {
		cs_diag_set(diag, -EINVAL, "look for %s %% of a core",
		            cs_args_text(args, "budget", ""));
		return cs_diag_hint(diag, "--budget is from 1 to 100");
	}
	if (watch->interval_ns >= INTERVAL_MIN_NS)
		return 0;
	cs_diag_set(diag, -EINVAL, "look more often than a hundred times a second");
	return cs_diag_hint(diag, "--interval=10ms is the least; --wall=HZ profiles in between");
}

int cs_record_process(const struct cs_args *args, struct cs_diag *diag)
{
	static struct cs_watch watch; /* large: clock pairs, paths */
	struct cs_diag trouble = {0};
	int stopped = 0;
	int error = read_options(&watch, args, diag);

	if (error)
		return error;
	cs_progress_start(&watch.progress, args);
	cs_interrupts_catch();
	error = cs_watch_open(&watch, diag);
	if (!error) {
		/* Whatever ends it, what was seen is kept. */
		stopped = cs_watch_run(&watch, &trouble);
		if (stopped)
			cs_warn("cannot %s", trouble.text);
		error = cs_watch_finish(&watch, diag);
		if (!error)
			cs_watch_say(&watch);
	} else if (error == -ESRCH && !diag->error) {
		cs_diag_set(diag, error, "observe %" PRIu32 ": it has ended", watch.pid);
	}
	cs_watch_close(&watch);
	cs_interrupts_release();
	if (error)
		return error;
	return stopped ? CS_EXIT_FAILED : CS_EXIT_DONE;
}
