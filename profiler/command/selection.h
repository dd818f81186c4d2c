/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a trace is looked at, and how it is summed up: the options that heap, fold and
 * diff share, and the way from them to a written report.
 */
#ifndef CS_COMMAND_SELECTION_H
#define CS_COMMAND_SELECTION_H

#include "command/command.h"
#include "command/target.h"
#include "export/export.h"
#include "model/filter.h"
#include "model/rollup.h"

/* --process, --thread, --focus, --ignore */
extern const struct cs_option_group cs_filter_group;

/* One option each, to be put into a command's own group. */
#define CS_OPTION_METRIC                                                                         \
	{                                                                                        \
		.name = "metric", .letter = 'm', .kind = CS_OPTION_TEXT, .argument = "METRIC",   \
		.choices = cs_metric_choices, .preset = "inuse_space", .help = "what is counted" \
	}
#define CS_OPTION_BY                                                                         \
	{                                                                                    \
		.name = "by", .letter = 'b', .kind = CS_OPTION_TEXT, .argument = "WHAT",     \
		.choices = cs_by_names, .preset = "stack", .help = "what it is summed up by" \
	}
#define CS_OPTION_LIMIT                                                                   \
	{                                                                                 \
		.name = "limit", .letter = 'n', .kind = CS_OPTION_COUNT, .argument = "N", \
		.choices = cs_limit_choices, .preset = "20; with --json all",             \
		.help = "show the N largest entries"                                      \
	}
#define CS_OPTION_JSON                               \
	{                                            \
		.name = "json", .help = "write JSON" \
	}
#define CS_OPTION_FROM                                                                \
	{                                                                             \
		.name = "from", .kind = CS_OPTION_TEXT, .argument = "TIME",           \
		.help = "count only what came after TIME (of metrics that only grow)" \
	}
#define CS_OPTION_TO                                                      \
	{                                                                 \
		.name = "to", .kind = CS_OPTION_TEXT, .argument = "TIME", \
		.help = "the state at TIME, as FILE@TIME"                 \
	}

extern const char *const cs_metric_choices[CS_METRIC_COUNT + 1];
extern const char *const cs_limit_choices[];

/* What TIME may be, for the commands' descriptions. */
#define CS_TIME_TEXT                                                                            \
	"TIME is 12.5s, 250ms or 1m30s after the start of the recording, -10s before its end, " \
	"or peak, when most memory was in use."

struct cs_selection {
	struct cs_filter *filter;
	enum cs_metric metric;
	enum cs_by by;
};

/* From the options that the command has; --by may be absent. cs_selection_release() always. */
int cs_selection_read(struct cs_selection *selection, const struct cs_args *args,
                      struct cs_diag *diag);
void cs_selection_release(struct cs_selection *selection);

/* The state that the metric is read from: at TIME, NULL the end. Says what is missing. */
int cs_selection_load(const struct cs_selection *selection, struct cs_target *target,
                      const char *time, struct cs_moment *moment, struct cs_diag *diag);

/* BASE may be NULL; SINCE as in cs_rollup_options. NULL with DIAG set. */
struct cs_rollup *cs_selection_rollup(const struct cs_selection *selection,
                                      const struct cs_moment *moment, const struct cs_moment *base,
                                      bool since, struct cs_diag *diag);

/* ROLLUP to stdout, as long and wide as options and terminal say. 0 or -errno. */
int cs_selection_write(const struct cs_args *args, const struct cs_export *format,
                       const struct cs_rollup *rollup, struct cs_diag *diag);

/* How to write to standard output: -n (PRESET entries without it), columns, colour. */
struct cs_export_style cs_selection_style(const struct cs_args *args, uint32_t preset);

/* heap and fold: everything, from the operand to the report in FORMAT. */
int cs_selection_show(const struct cs_args *args, const struct cs_export *format,
                      struct cs_diag *diag);

#endif
