/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every reading command does first, done once: so that they agree on which time a
 * target means, what is said about a damaged file, and where names come from.
 */
#include "command/target.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "symbol/resolver.h"

int cs_target_split(const char *text, char **path, char **time)
{
	const char *at = strrchr(text, '@');

	*time = NULL;
	if (!at || at == text || access(text, F_OK) == 0) {
		*path = strdup(text);
		return *path ? 0 : -ENOMEM;
	}
	*path = strndup(text, (size_t)(at - text));
	*time = strdup(at + 1);
	if (*path && *time)
		return 0;
	free(*path);
	free(*time);
	*path = *time = NULL;
	return -ENOMEM;
}

static int out_of_memory(const struct cs_target *target, struct cs_diag *diag)
{
	return cs_diag_set(diag, -ENOMEM, "read %s: out of memory", target->path);
}

int cs_target_open(struct cs_target *target, const char *text, struct cs_diag *diag)
{
	*target = (struct cs_target){0};
	if (cs_target_split(text, &target->path, &target->time))
		return cs_diag_set(diag, -ENOMEM, "read %s: out of memory", text);
	target->trace = cs_trace_open(target->path, diag);
	return target->trace ? 0 : diag->error;
}

static int open_process(struct cs_target *target, const struct cs_args *args, struct cs_diag *diag)
{
	int error;

	if (args->operand_count > 0)
		return cs_diag_set(diag, -EINVAL, "read %s and process %s at once",
		                   args->operands[0], cs_args_text(args, "pid", ""));
	error = cs_live_pid(args, &target->pid, diag);
	if (error)
		return error;
	target->want = (struct cs_observe_options){
		.level = cs_level_of(args),
		.stacks = true,
		.heap = true,
		.threads = true,
	};
	if (asprintf(&target->path, "process %" PRIu32, target->pid) < 0) {
		target->path = NULL;
		return cs_diag_set(diag, -ENOMEM, "observe %" PRIu32 ": out of memory",
		                   target->pid);
	}
	return cs_live_probe(target->pid, diag) ? 0 : diag->error;
}

int cs_target_open_args(struct cs_target *target, const struct cs_args *args, struct cs_diag *diag)
{
	*target = (struct cs_target){0};
	if (cs_args_on(args, "pid"))
		return open_process(target, args, diag);
	if (args->operand_count == 0) {
		cs_diag_set(diag, -EINVAL, "run %s: neither a trace nor a process is named",
		            args->command->name);
		return cs_diag_hint(diag, "coroscope %s FILE, or coroscope %s -p PID",
		                    args->command->name, args->command->name);
	}
	if (cs_args_on(args, "level")) {
		cs_diag_set(diag, -EINVAL, "read %s at a level: a trace is not alive",
		            args->operands[0]);
		return cs_diag_hint(diag, "--level belongs to -p");
	}
	return cs_target_open(target, args->operands[0], diag);
}

void cs_target_close(struct cs_target *target)
{
	cs_trace_close(target->trace);
	free(target->path);
	free(target->time);
	*target = (struct cs_target){0};
}

void cs_target_warn(const struct cs_target *target)
{
	const char *warning = target->trace ? cs_trace_warning(target->trace) : NULL;

	if (target->looked.warning[0])
		cs_warn("%s: %s", target->path, target->looked.warning);
	if (!warning)
		return;
	cs_warn("%s: %s", target->path, warning);
	cs_hint("what could be read is shown; 'coroscope info %s' says more", target->path);
}

static int load(struct cs_target *target, uint64_t time_ns, struct cs_moment *moment,
                struct cs_diag *diag)
{
	moment->model = cs_model_new();
	moment->symbols = cs_symbols_new();
	if (!moment->model || !moment->symbols)
		return out_of_memory(target, diag);
	return cs_trace_load(target->trace, time_ns, moment->model, moment->symbols, diag);
}

/* It has ended during the look. */
static int keep_what_was_read(struct cs_target *target, uint32_t process,
                              const struct cs_moment *moment, struct cs_diag *diag)
{
	if (cs_model_coroutines_alive(moment->model, process) == 0)
		return cs_diag_set(diag, -ESRCH, "observe %" PRIu32 ": it has ended", target->pid);
	target->cut = true;
	snprintf(target->looked.warning, sizeof(target->looked.warning),
	         "it ended while it was read: what was read until then is shown");
	return 0;
}

static int load_process(struct cs_target *target, struct cs_moment *moment, struct cs_diag *diag)
{
	struct cs_live live = {0};
	int error;

	moment->model = cs_model_new();
	moment->symbols = cs_symbols_new();
	if (!moment->model || !moment->symbols)
		return out_of_memory(target, diag);
	error = cs_live_open(&live, target->pid, moment->model, moment->symbols, diag);
	target->unwritten = live.unwritten;
	if (!error)
		error = cs_live_look(&live, &target->want, &target->looked, diag);
	if (error == -ESRCH && live.observation)
		error = keep_what_was_read(target, live.process, moment, diag);
	cs_live_close(&live);
	return error;
}

static int load_state(struct cs_target *target, const char *time, struct cs_moment *moment,
                      struct cs_diag *diag)
{
	uint64_t time_ns = UINT64_MAX;
	int error;

	if (!target->trace && time) {
		cs_diag_set(diag, -EINVAL, "go to %s of %s: it is shown as it is now", time,
		            target->path);
		return cs_diag_hint(diag, "a recorded trace can be read at any of its times");
	}
	if (!target->trace)
		return load_process(target, moment, diag);
	error = time ? cs_trace_time(target->trace, time, &time_ns, diag) : 0;
	return error ? error : load(target, time_ns, moment, diag);
}

static int take(const struct cs_target *target, struct cs_moment *moment, struct cs_diag *diag)
{
	moment->snapshot = (moment->at_peak ? cs_snapshot_take_peak
	                                    : cs_snapshot_take)(moment->model, moment->symbols);
	return moment->snapshot ? 0 : out_of_memory(target, diag);
}

int cs_target_load(struct cs_target *target, const char *time, struct cs_moment *moment,
                   struct cs_diag *diag)
{
	*moment = (struct cs_moment){0};
	int error = load_state(target, time, moment, diag);
	return error ? error : take(target, moment, diag);
}

int cs_target_load_in_use(struct cs_target *target, const char *time, struct cs_moment *moment,
                          struct cs_diag *diag)
{
	*moment = (struct cs_moment){.at_peak = time && strcmp(time, "peak") == 0};
	int error = load_state(target, time, moment, diag);
	return error ? error : take(target, moment, diag);
}

void cs_moment_release(struct cs_moment *moment)
{
	cs_snapshot_free(moment->snapshot);
	cs_symbols_free(moment->symbols);
	cs_model_free(moment->model);
	*moment = (struct cs_moment){0};
}

/*
 * Traces recorded with --no-symbols are read where their programs are, as a rule. Of a running
 * process the observer has named what it can, the files name the rest.
 */
int cs_target_name_frames(const struct cs_target *target, struct cs_moment *moment,
                          struct cs_diag *diag)
{
	if (target->trace && cs_trace_has_symbols(target->trace))
		return 0;
	struct cs_resolver *resolver = cs_resolver_new(NULL);
	if (!resolver)
		return out_of_memory(target, diag);
	int error = cs_resolver_resolve(resolver, moment->model, moment->symbols, NULL, NULL, NULL,
	                                diag);
	cs_resolver_free(resolver);
	return error;
}
