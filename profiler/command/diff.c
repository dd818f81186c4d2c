/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope diff: what has grown between two traces, or two times of one.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "command/registry.h"
#include "command/selection.h"
#include "export/table.h"

/* One side of the comparison. */
struct side {
	struct cs_target target;
	struct cs_moment moment;
};

static int open_side(struct side *side, const struct cs_selection *selection, const char *text,
                     struct cs_diag *diag)
{
	int error = cs_target_open(&side->target, text, diag);

	if (!error)
		error = cs_selection_load(selection, &side->target, side->target.time,
		                          &side->moment, diag);
	return error;
}

static void release_side(struct side *side)
{
	cs_moment_release(&side->moment);
	cs_target_close(&side->target);
}

static const struct cs_export *choose_format(const struct cs_args *args,
                                             const struct cs_selection *selection,
                                             struct cs_diag *diag)
{
	bool folded = cs_args_on(args, "folded");

	if (folded && cs_args_on(args, "json")) {
		cs_diag_set(diag, -EINVAL, "write --folded and --json at once: choose one");
		return NULL;
	}
	if (folded && selection->by != CS_BY_STACK) {
		cs_diag_set(diag, -EINVAL, "fold by %s: folded lines are stacks",
		            cs_by_names[selection->by]);
		cs_diag_hint(diag, "leave out --by, or --folded");
		return NULL;
	}
	if (folded)
		return &cs_export_folded;
	return cs_args_on(args, "json") ? &cs_export_json : &cs_export_text;
}

/* The exit status: whether the total has grown by more than the user allows. */
static int judge(const struct cs_args *args, const struct cs_rollup *rollup)
{
	const struct cs_metric_info *metric = &cs_metric_info[rollup->metric];
	uint64_t allowed = cs_args_number(args, "fail-on-growth", 0);
	int64_t growth = rollup->total - rollup->base_total;

	if (!cs_args_on(args, "fail-on-growth") || growth <= 0 || (uint64_t)growth <= allowed)
		return CS_EXIT_DONE;
	struct cs_text grown = cs_metric_change(rollup->metric, (double)growth);
	cs_say(args, "coroscope: %s has grown: %s (%" PRId64 "), allowed are %" PRIu64,
	       metric->name, grown.s, growth, allowed);
	return CS_EXIT_FOUND;
}

static int compare(const struct cs_args *args, const struct cs_selection *selection,
                   const struct side *base, const struct side *side, struct cs_diag *diag)
{
	const struct cs_export *format = choose_format(args, selection, diag);

	if (!format)
		return diag->error;
	cs_target_warn(&base->target);
	if (strcmp(base->target.path, side->target.path) != 0)
		cs_target_warn(&side->target);
	struct cs_rollup *rollup =
		cs_selection_rollup(selection, &side->moment, &base->moment, false, diag);
	if (!rollup)
		return diag->error;
	int status = cs_selection_write(args, format, rollup, diag);
	if (status == 0)
		status = judge(args, rollup);
	cs_rollup_free(rollup);
	return status;
}

static int run_diff(const struct cs_args *args, struct cs_diag *diag)
{
	struct cs_selection selection;
	struct side base = {0}, side = {0};
	int status = cs_selection_read(&selection, args, diag);

	if (status == 0)
		status = open_side(&base, &selection, args->operands[0], diag);
	if (status == 0)
		status = open_side(&side, &selection, args->operands[1], diag);
	if (status == 0)
		status = compare(args, &selection, &base, &side, diag);
	release_side(&side);
	release_side(&base);
	cs_selection_release(&selection);
	return status;
}

static const struct cs_option options[] = {
	CS_OPTION_METRIC,
	CS_OPTION_BY,
	CS_OPTION_LIMIT,
	CS_OPTION_JSON,
	{.name = "folded", .help = "write folded stacks with both values, for difffolded tools"},
	{.name = "fail-on-growth",
         .optional = true,
         .kind = CS_OPTION_SIZE,
         .argument = "BYTES",
         .help = "exit with 1 if the total has grown (by more than BYTES, or objects)"},
	{0},
};
static const struct cs_option_group group = {NULL, options};

const struct cs_command cs_command_diff = {
	.name = "diff",
	.summary = "show what has grown between two traces, or two times of one",
	.usage = (const char *const[]){"[OPTIONS] BASE[@TIME] NEW[@TIME]", NULL},
	.description =
		"Shows the heap of NEW beside that of BASE, the largest change first. Stacks are the "
		"same when their functions are, so that two versions of a program can be "
		"compared.\n\n" CS_TIME_TEXT,
	.groups = (const struct cs_option_group *const[]){&group, &cs_filter_group, NULL},
	.examples =
		(const struct cs_example[]){
			{"coroscope diff app.42.coro@10s app.42.coro",
                         "what has come since second 10"},
			{"coroscope diff old.coro new.coro --by function",
                         "two runs, or two versions"},
			{"coroscope diff old.coro new.coro --fail-on-growth=1M", "for a test"},
			{NULL, NULL},
		},
	.status = "0 done, 1 grown by more than --fail-on-growth allows, 2 anything failed.",
	.operand = CS_OPERAND_TRACE,
	.operands_min = 2,
	.operands_max = 2,
	.run = run_diff,
};
