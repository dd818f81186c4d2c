/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope info: what a trace holds and what it lacks, before anybody draws conclusions.
 */
#include "command/info.h"

#include <stdio.h>
#include <sys/stat.h>

#include "command/registry.h"
#include "command/selection.h"

static bool has_heap(const struct cs_info *info)
{
	const struct cs_model *model = info->moment.model;

	for (uint32_t id = 1; id <= cs_model_process_count(model); id++)
		if (cs_model_process_at(model, id)->heap_mean_bytes)
			return true;
	return false;
}

static bool is_held(const struct cs_info *info, enum cs_metric metric)
{
	if (metric >= CS_METRIC_HEAP_COUNT)
		return cs_snapshot_holds(info->moment.snapshot, metric);
	if (metric == CS_METRIC_TEMPORARY_OBJECTS && info->moment.snapshot->sampled)
		return false; /* sampling does not see them */
	return has_heap(info);
}

static int gather(struct cs_info *info, struct cs_diag *diag)
{
	struct stat status;
	int error = cs_target_load(&info->target, info->target.time, &info->moment, diag);

	if (error)
		return error;
	if (stat(info->target.path, &status) == 0)
		info->file_bytes = (uint64_t)status.st_size;
	for (int metric = 0; metric < CS_METRIC_COUNT; metric++) {
		struct cs_rollup_options options = {
			.metric = (enum cs_metric)metric,
			.by = CS_BY_PROCESS,
		};

		if (!is_held(info, (enum cs_metric)metric))
			continue;
		info->totals[metric] = cs_rollup_new(info->moment.snapshot, &options, diag);
		if (!info->totals[metric])
			return diag->error;
	}
	return 0;
}

static int write_info(const struct cs_args *args, const struct cs_info *info, struct cs_diag *diag)
{
	struct cs_sink sink;

	cs_sink_to_file(&sink, stdout, "standard output");
	(cs_args_on(args, "json") ? cs_info_json : cs_info_text)(info, &sink);
	return cs_sink_finish(&sink, diag);
}

static int run_info(const struct cs_args *args, struct cs_diag *diag)
{
	struct cs_info info = {0};
	int error = cs_target_open(&info.target, args->operands[0], diag);

	if (!error)
		error = gather(&info, diag);
	if (!error)
		error = write_info(args, &info, diag);
	for (int metric = 0; metric < CS_METRIC_COUNT; metric++)
		cs_rollup_free(info.totals[metric]);
	cs_moment_release(&info.moment);
	cs_target_close(&info.target);
	return error;
}

static const struct cs_option options[] = {CS_OPTION_JSON, {0}};
static const struct cs_option_group group = {NULL, options};

const struct cs_command cs_command_info = {
	.name = "info",
	.summary = "show what a trace holds, and what it lacks",
	.usage = (const char *const[]){"[OPTIONS] FILE[@TIME]", NULL},
	.description =
		"Shows what was recorded, when and how; its processes with what the agent counted in "
		"each; the totals of every metric; modules, losses, and the parts of the "
		"file.\n\n" CS_TIME_TEXT,
	.groups = (const struct cs_option_group *const[]){&group, NULL},
	.examples =
		(const struct cs_example[]){
			{"coroscope info app.42.coro", "everything about this file"},
			{NULL, NULL},
		},
	.operand = CS_OPERAND_TRACE,
	.operands_min = 1,
	.operands_max = 1,
	.run = run_info,
};
