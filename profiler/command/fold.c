/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope fold: stacks one a line, for flame graphs and line tools.
 */
#include "command/registry.h"
#include "command/selection.h"

static int run_fold(const struct cs_args *args, struct cs_diag *diag)
{
	return cs_selection_show(args, &cs_export_folded, diag);
}

static const struct cs_option options[] = {CS_OPTION_METRIC, CS_OPTION_FROM,  CS_OPTION_TO,
                                           CS_OPTION_PID,    CS_OPTION_LEVEL, {0}};
static const struct cs_option_group group = {NULL, options};

const struct cs_command cs_command_fold = {
	.name = "fold",
	.summary = "write folded stacks, one stack and its value a line",
	.usage = (const char *const[]){"[OPTIONS] FILE[@TIME]", "[OPTIONS] -p PID", NULL},
	.description =
		"Writes one line for each call stack: its functions from the outermost to the "
		"innermost, joined by ';', then a space and the value. The values add up to the total "
		"of the metric. flamegraph.pl, inferno and speedscope read this.\n\n" CS_TIME_TEXT,
	.groups = (const struct cs_option_group *const[]){&group, &cs_filter_group, NULL},
	.examples =
		(const struct cs_example[]){
			{"coroscope fold app.42.coro > app.folded", "the heap in use at the end"},
			{"coroscope fold -m alloc_objects app.42.coro | flamegraph.pl > app.svg",
                         "a flame graph of allocations"},
			{NULL, NULL},
		},
	.operand = CS_OPERAND_TRACE,
	.operands_min = 0,
	.operands_max = 1,
	.run = run_fold,
};
