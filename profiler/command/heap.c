/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope heap: who holds memory, or asked for it, as a table.
 */
#include "command/registry.h"
#include "command/selection.h"

static int run_heap(const struct cs_args *args, struct cs_diag *diag)
{
	return cs_selection_show(args, cs_args_on(args, "json") ? &cs_export_json : &cs_export_text,
	                         diag);
}

static const struct cs_option options[] = {
	CS_OPTION_METRIC, CS_OPTION_BY,    CS_OPTION_LIMIT,
	CS_OPTION_JSON,   CS_OPTION_FROM,  CS_OPTION_TO,
	CS_OPTION_PID,    CS_OPTION_LEVEL, {0},
};
static const struct cs_option_group group = {NULL, options};

const struct cs_command cs_command_heap = {
	.name = "heap",
	.summary = "show the heap by stack, function, module, thread, process or coroutine",
	.usage = (const char *const[]){"[OPTIONS] FILE[@TIME]", "[OPTIONS] -p PID", NULL},
	.description =
		"Sums up a recorded trace by its call stacks, the largest first. Figures of a sampled "
		"recording are estimates, given with their 95 % interval; losses are said.\n\n"
		"inuse_space and inuse_objects are what is allocated and not freed, peak_space the same "
		"when most was in use; alloc_space and alloc_objects are all that was ever allocated, "
		"temporary_objects what was freed before its thread's next allocation (exact "
		"recordings only).\n\n" CS_TIME_TEXT,
	.groups = (const struct cs_option_group *const[]){&group, &cs_filter_group, NULL},
	.examples =
		(const struct cs_example[]){
			{"coroscope heap app.42.coro", "what is in use at the end, by stack"},
			{"coroscope heap app.42.coro@peak --by function",
                         "who held most at the peak"},
			{"coroscope heap app.42.coro -m alloc_space --from 10s --to 20s",
                         "what was allocated in these ten seconds"},
			{"coroscope heap app.42.coro --focus '^parse_' --json", "for a script"},
			{NULL, NULL},
		},
	.operand = CS_OPERAND_TRACE,
	.operands_min = 0,
	.operands_max = 1,
	.run = run_heap,
};
