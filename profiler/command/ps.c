/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope ps: every coroutine, where it is and for how long, of a running process or of a
 * trace at any time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/registry.h"
#include "command/selection.h"
#include "command/words.h"
#include "export/ps.h"

#define LIST_LIMIT 50
#define GROUP_LIMIT 20

/* What was asked for, and what came of it. */
struct work {
	struct cs_query query;
	struct cs_filter *filter;
	struct cs_target target;
	struct cs_moment moment;
	struct cs_stacks *stacks;
	uint32_t *rows;
	struct cs_groups groups;
	struct cs_ps ps;
};

/* ---- what was asked for ---- */

static int refuse_state(const char *name, struct cs_diag *diag)
{
	struct cs_words words;

	cs_words_begin(&words, name);
	for (int state = 1; state < CS_COROUTINE_STATES; state++)
		cs_words_add(&words, "", cs_coroutine_state_names[state]);
	cs_diag_set(diag, -EINVAL, "understand --state %s: it has no such value", name);
	if (words.best[0])
		return cs_diag_hint(diag, "did you mean %s? Valid are %s", words.best, words.text);
	return cs_diag_hint(diag, "valid are %s, also several, separated by commas", words.text);
}

static int read_states(const char *text, unsigned *states, struct cs_diag *diag)
{
	*states = 0;
	while (text && *text) {
		size_t length = strcspn(text, ",");
		char name[32];
		int state = 1;

		snprintf(name, sizeof(name), "%.*s", (int)(length < 31 ? length : 31), text);
		while (state < CS_COROUTINE_STATES &&
		       strcmp(cs_coroutine_state_names[state], name) != 0)
			state++;
		if (state == CS_COROUTINE_STATES)
			return refuse_state(name, diag);
		*states |= 1u << state;
		text += length + (text[length] == ',');
	}
	return 0;
}

static enum cs_order read_order(const struct cs_args *args)
{
	const char *name = cs_args_text(args, "sort", "id");
	enum cs_order order = 0;

	while (order < CS_ORDER_COUNT && strcmp(cs_order_names[order], name) != 0)
		order++;
	return order;
}

static int read_query(struct work *work, const struct cs_args *args, struct cs_diag *diag)
{
	struct cs_filter_options options = {
		.process = cs_args_text(args, "process", NULL),
		.focus = cs_args_text(args, "function", NULL),
	};
	struct cs_query *query = &work->query;
	int error;

	work->filter = cs_filter_new(&options, diag);
	if (!work->filter)
		return diag->error;
	error = read_states(cs_args_text(args, "state", NULL), &query->states, diag);
	query->reason = cs_args_text(args, "reason", NULL);
	query->runtime = cs_args_text(args, "runtime", NULL);
	query->min_age_ns = cs_args_number(args, "age", 0);
	query->system = cs_args_on(args, "system");
	query->order = read_order(args);
	query->filter = work->filter;
	return error;
}

/* ---- what is there ---- */

/* A runtime that nobody has must not look like one without coroutines. */
static int check_runtime(const struct work *work, struct cs_diag *diag)
{
	const struct cs_model *model = work->moment.model;
	struct cs_words words;

	if (!work->query.runtime)
		return 0;
	cs_words_begin(&words, work->query.runtime);
	for (uint32_t id = 1; id <= cs_model_runtime_count(model); id++) {
		const char *name = cs_model_runtime_at(model, id)->name;

		if (strcmp(name, work->query.runtime) == 0)
			return 0;
		cs_words_add(&words, "", name);
	}
	cs_diag_set(diag, -ENOENT, "list coroutines of %s: %s has none of that runtime",
	            work->query.runtime, work->target.path);
	return words.text[0] ? cs_diag_hint(diag, "it has %s", words.text)
	                     : cs_diag_hint(diag, "it has no coroutines that are known");
}

static int load(struct work *work, const struct cs_args *args, struct cs_diag *diag)
{
	int error = cs_target_open_args(&work->target, args, diag);

	work->target.want.heap = false;
	if (!error)
		error = cs_target_load(&work->target, work->target.time, &work->moment, diag);
	if (!error)
		error = cs_target_name_frames(&work->target, &work->moment, diag);
	if (!error)
		error = cs_filter_check(work->filter, work->moment.snapshot, diag);
	if (!error)
		error = check_runtime(work, diag);
	if (!error)
		cs_target_warn(&work->target);
	return error;
}

static int select_rows(struct work *work, const struct cs_args *args, struct cs_diag *diag)
{
	const struct cs_snapshot *snapshot = work->moment.snapshot;
	struct cs_ps *ps = &work->ps;
	int error = -ENOMEM;

	work->stacks = cs_stacks_new(true);
	if (work->stacks)
		error = cs_query_run(&work->query, snapshot, work->stacks, &work->rows, &ps->count,
		                     &ps->hidden);
	if (!error && cs_args_on(args, "group")) {
		error = cs_groups_make(&work->groups, snapshot, work->stacks, work->rows, ps->count,
		                       work->query.order);
		ps->groups = &work->groups;
	}
	if (error)
		return cs_diag_set(diag, error, "list coroutines: %s", strerror(-error));
	ps->snapshot = snapshot;
	ps->stacks = work->stacks;
	ps->rows = work->rows;
	ps->order = work->query.order;
	ps->with_stacks = cs_args_on(args, "stacks");
	ps->with_threads = cs_args_on(args, "threads");
	ps->with_figures = cs_args_on(args, "figures");
	ps->is_live = !work->target.trace;
	ps->duration_ns = work->target.looked.duration_ns;
	ps->frozen_ns = work->target.looked.frozen_ns;
	ps->rejected = work->target.looked.rejected;
	return 0;
}

static int write_rows(const struct work *work, const struct cs_args *args, struct cs_diag *diag)
{
	bool json = cs_args_on(args, "json");
	uint32_t limit = json ? 0 : work->ps.groups ? GROUP_LIMIT : LIST_LIMIT;
	struct cs_export_style style = cs_selection_style(args, limit);
	struct cs_sink sink;

	cs_sink_to_file(&sink, stdout, "standard output");
	int error = (json ? cs_ps_json : cs_ps_text)(&work->ps, &style, &sink, diag);
	int end = cs_sink_finish(&sink, diag);
	return cs_sink_error(&sink) ? end : error;
}

static void release(struct work *work)
{
	cs_groups_free(&work->groups);
	free(work->rows);
	cs_stacks_free(work->stacks);
	cs_moment_release(&work->moment);
	cs_target_close(&work->target);
	cs_filter_free(work->filter);
}

static int run_ps(const struct cs_args *args, struct cs_diag *diag)
{
	struct work work = {0};
	int error = read_query(&work, args, diag);

	if (!error)
		error = load(&work, args, diag);
	if (!error)
		error = select_rows(&work, args, diag);
	if (!error)
		error = write_rows(&work, args, diag);
	release(&work);
	return error;
}

/* ---- the table ---- */

static const struct cs_option options[] = {
	{.name = "group", .letter = 'g', .help = "coroutines with the same stack as one line"},
	{.name = "stacks",
         .letter = 's',
         .help = "with each its stack, and the one that created it"},
	{.name = "threads", .letter = 't', .help = "the threads as well"},
	{.name = "figures",
         .letter = 'f',
         .help = "also what the runtime says of its scheduler, memory and collector"},
	{.name = "sort",
         .kind = CS_OPTION_TEXT,
         .argument = "KEY",
         .choices = cs_order_names,
         .preset = "id; of groups their size",
         .help = "the longest, largest or most first"},
	CS_OPTION_LIMIT,
	CS_OPTION_JSON,
	CS_OPTION_PID,
	CS_OPTION_LEVEL,
	{0},
};
static const struct cs_option_group group = {NULL, options};

static const struct cs_option filters[] = {
	{.name = "state",
         .kind = CS_OPTION_TEXT,
         .argument = "STATE",
         .help = "only in these: new, runnable, running, waiting, syscall, dead; with commas"},
	{.name = "reason",
         .kind = CS_OPTION_TEXT,
         .argument = "TEXT",
         .help = "only those whose reason of waiting has TEXT in it"},
	{.name = "runtime",
         .kind = CS_OPTION_TEXT,
         .argument = "NAME",
         .help = "only those of one runtime: go, ucontext, boost-context …"},
	{.name = "function",
         .kind = CS_OPTION_TEXT,
         .argument = "REGEX",
         .help = "only those with a function on the stack whose name matches"},
	{.name = "age",
         .kind = CS_OPTION_DURATION,
         .argument = "TIME",
         .help = "only those that have lived for TIME at least"},
	{.name = "system", .help = "also the runtimes' own"},
	{.name = "process",
         .kind = CS_OPTION_TEXT,
         .argument = "PROCESS",
         .help = "only of these: PIDs or program names, separated by commas"},
	{0},
};
static const struct cs_option_group filter_group = {"Filters", filters};

const struct cs_command cs_command_ps = {
	.name = "ps",
	.summary = "list coroutines and threads: where they are and for how long",
	.usage = (const char *const[]){"[OPTIONS] -p PID", "[OPTIONS] FILE[@TIME]", NULL},
	.description =
		"Shows each coroutine with its state, why and how long it has been waiting, its age, "
		"and the innermost call of the program's own: who waits in its runtime is shown where "
		"it called that. A running process is read from outside, without stopping it unless "
		"--level freeze says so; a trace is shown as at any of its times.\n\n"
		"Only what is known is shown; a column of which nothing is known is left out. A \">\" "
		"before a time says that it is at least as long, before a number of switches that "
		"there are at least as many: whoever reads memory sees a coroutine only when it "
		"looks, and nobody tells of the switches of a runtime that is not known. CPU of a "
		"native coroutine is the time from each switch to it to the next one away from it, "
		"in which its thread may have slept. DELAYED of a thread is the time for which it was ready "
		"to run and got no CPU. In a group, \"waiting +2\" are those that wait and two in "
		"other states, times are the longest of the group, sums those of all in it.\n\n"
		"Coroutines of the runtimes themselves are hidden unless --system asks for them, and "
		"those that have ended, but left blocks of the heap, unless --state dead "
		"does.\n\n" CS_TIME_TEXT,
	.groups = (const struct cs_option_group *const[]){&group, &filter_group, NULL},
	.examples =
		(const struct cs_example[]){
			{"coroscope ps -p 4242 --group",
                         "what all goroutines of a program wait for"},
			{"coroscope ps -p 4242 --sort wait -n 10 --stacks",
                         "the ten that wait longest, with stacks"},
			{"coroscope ps -p 4242 --state waiting --reason 'chan' --age 1m",
                         "who has waited for a channel and is older than a minute"},
			{"coroscope ps app.42.coro@12.5s --json",
                         "a moment of a recording, for a script"},
			{NULL, NULL},
		},
	.operand = CS_OPERAND_TRACE,
	.operands_min = 0,
	.operands_max = 1,
	.run = run_ps,
};
