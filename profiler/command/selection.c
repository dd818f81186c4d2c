/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics are of two kinds. What is in use is a state at a time; what was allocated is a
 * sum over time. Only a sum has a --from: the growth of a state is what diff shows.
 */
#include "command/selection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command/live.h"

#define TEXT_LIMIT 20

const char *const cs_metric_choices[CS_METRIC_COUNT + 1] = {
	[CS_METRIC_INUSE_SPACE] = "inuse_space",
	[CS_METRIC_INUSE_OBJECTS] = "inuse_objects",
	[CS_METRIC_ALLOC_SPACE] = "alloc_space",
	[CS_METRIC_ALLOC_OBJECTS] = "alloc_objects",
	[CS_METRIC_PEAK_SPACE] = "peak_space",
	[CS_METRIC_TEMPORARY_OBJECTS] = "temporary_objects",
	[CS_METRIC_CPU] = "cpu",
	[CS_METRIC_WALL] = "wall",
	[CS_METRIC_OFFCPU] = "offcpu",
	[CS_METRIC_DELAY] = "delay",
	[CS_METRIC_CONTENTIONS] = "contentions",
	[CS_METRIC_SPAWNED] = "spawned",
	[CS_METRIC_COROUTINES] = "coroutines",
	[CS_METRIC_STACK_SPACE] = "stack_space",
};

const char *const cs_limit_choices[] = {"all", NULL};

static const struct cs_option filters[] = {
	{.name = "process",
         .kind = CS_OPTION_TEXT,
         .argument = "PROCESS",
         .help = "only these: PIDs or program names, separated by commas"},
	{.name = "thread",
         .kind = CS_OPTION_TEXT,
         .argument = "THREAD",
         .help = "only these: thread ids or names, separated by commas"},
	{.name = "focus",
         .kind = CS_OPTION_TEXT,
         .argument = "REGEX",
         .help = "only stacks in which a function's name matches"},
	{.name = "ignore",
         .kind = CS_OPTION_TEXT,
         .argument = "REGEX",
         .help = "no stacks in which a function's name matches"},
	{0},
};

const struct cs_option_group cs_filter_group = {"Filters", filters};

static bool has_option(const struct cs_args *args, const char *name)
{
	for (const struct cs_option_group *const *group = args->command->groups; *group; group++)
		for (const struct cs_option *option = (*group)->options; option->name; option++)
			if (strcmp(option->name, name) == 0)
				return true;
	return false;
}

static bool in_use(enum cs_metric metric)
{
	return metric == CS_METRIC_INUSE_SPACE || metric == CS_METRIC_INUSE_OBJECTS;
}

/* What a coroutine keeps of itself has no stacks and no threads, and no past. */
static int check_coroutine(const struct cs_selection *selection, const struct cs_args *args,
                           struct cs_diag *diag)
{
	static const char *const others[] = {"focus", "ignore", "thread", "from"};

	if (selection->by != CS_BY_COROUTINE)
		return 0;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (!has_option(args, others[i]) || !cs_args_on(args, others[i]))
			continue;
		cs_diag_set(diag, -EINVAL,
		            "sum up by coroutine with --%s: what each keeps of itself has no "
		            "stacks, threads and times",
		            others[i]);
		return cs_diag_hint(diag, "--by spawn tells where coroutines were created, with "
		                          "all filters");
	}
	if (cs_metric_is_of_coroutines(selection->metric))
		return 0;
	cs_diag_set(diag, -EINVAL, "sum up %s by coroutine: it is not kept of each",
	            cs_metric_info[selection->metric].name);
	return cs_diag_hint(diag, "inuse_space, inuse_objects, alloc_space, alloc_objects, cpu, "
	                          "coroutines and stack_space are; or try --by spawn");
}

int cs_selection_read(struct cs_selection *selection, const struct cs_args *args,
                      struct cs_diag *diag)
{
	struct cs_filter_options options = {
		.process = cs_args_text(args, "process", NULL),
		.thread = cs_args_text(args, "thread", NULL),
		.focus = cs_args_text(args, "focus", NULL),
		.ignore = cs_args_text(args, "ignore", NULL),
	};

	/* The options admit no other names than these. */
	*selection = (struct cs_selection){
		.metric = cs_metric_by_name(cs_args_text(args, "metric", "inuse_space")),
		.by = CS_BY_STACK,
	};
	if (has_option(args, "by"))
		selection->by = cs_by_by_name(cs_args_text(args, "by", "stack"));
	selection->filter = cs_filter_new(&options, diag);
	return selection->filter ? check_coroutine(selection, args, diag) : diag->error;
}

void cs_selection_release(struct cs_selection *selection)
{
	cs_filter_free(selection->filter);
	*selection = (struct cs_selection){0};
}

/* "cpu, inuse_space, …": what there is to be seen. */
static void list_held(const struct cs_snapshot *snapshot, char *text, size_t size)
{
	size_t used = 0;

	*text = 0;
	for (int metric = 0; metric < CS_METRIC_COUNT && used < size; metric++)
		if (cs_snapshot_holds(snapshot, (enum cs_metric)metric))
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
			                         cs_metric_info[metric].name);
}

static bool has_heap(const struct cs_target *target, const struct cs_model *model)
{
	for (uint32_t id = 1; id <= cs_model_process_count(model); id++)
		if (cs_model_process_at(model, id)->heap_mean_bytes)
			return true;
	/* A trace without an end may have been cut before that was told of its processes. */
	return target->trace &&
	       (cs_model_process_count(model) == 0 || !cs_trace_summary(target->trace)) &&
	       cs_trace_session(target->trace)->heap_mean_bytes;
}

static bool is_delay(enum cs_metric metric)
{
	return metric == CS_METRIC_DELAY || metric == CS_METRIC_CONTENTIONS;
}

static const char turn_on[] = "a Go program keeps it once it has called "
			      "runtime.SetBlockProfileRate or runtime.SetMutexProfileFraction";

static int refuse_process(enum cs_metric metric, const struct cs_target *target,
                          struct cs_diag *diag)
{
	bool ended = target->cut || cs_live_has_ended(target->pid);

	cs_diag_set(diag, -ENODATA, "show %s of %s: %s", cs_metric_info[metric].name, target->path,
	            ended               ? "it ended before that was read"
	            : target->unwritten ? "the trace of its recorder does not tell of it yet"
	            : metric < CS_METRIC_HEAP_COUNT ? "no heap profile was found in it"
	                                            : "no such profile was found in it");
	if (target->unwritten && !ended)
		return cs_diag_hint(diag, "ask again in a moment");
	return is_delay(metric) && !ended ? cs_diag_hint(diag, "%s", turn_on) : diag->error;
}

/* A trace without heap must not look like a program without allocations. */
static int check_held(const struct cs_selection *selection, const struct cs_target *target,
                      const char *time, const struct cs_moment *moment, struct cs_diag *diag)
{
	bool heap = selection->metric < CS_METRIC_HEAP_COUNT;
	char held[256];

	/* At an early time there may be none as yet. */
	if (heap ? has_heap(target, moment->model)
	         : time || cs_snapshot_holds(moment->snapshot, selection->metric))
		return 0;
	if (!target->trace)
		return refuse_process(selection->metric, target, diag);
	cs_diag_set(diag, -ENODATA, "show %s of %s: no %s was recorded",
	            cs_metric_info[selection->metric].name, target->path,
	            heap ? "heap" : "such thing");
	list_held(moment->snapshot, held, sizeof(held));
	if (is_delay(selection->metric))
		return cs_diag_hint(diag, "%s", turn_on);
	if (heap && !held[0])
		return cs_diag_hint(diag, "if that was for --no-heap, record it again without");
	if (held[0])
		return cs_diag_hint(diag, "it holds %s", held);
	return cs_diag_hint(diag, "'coroscope info %s' says what it holds", target->path);
}

/* What sampling can't see must not look like something that never happened. */
static int check_sampled(const struct cs_selection *selection, const struct cs_target *target,
                         struct cs_diag *diag)
{
	if (selection->metric != CS_METRIC_TEMPORARY_OBJECTS ||
	    (target->trace && cs_trace_session(target->trace)->heap_mean_bytes <= 1))
		return 0;
	cs_diag_set(diag, -ENODATA, "show %s of %s: its heap was sampled",
	            cs_metric_info[selection->metric].name, target->path);
	return cs_diag_hint(diag,
	                    "it holds inuse_space, inuse_objects, alloc_space, alloc_objects, "
	                    "peak_space; to have this one, record with --heap=all");
}

int cs_selection_load(const struct cs_selection *selection, struct cs_target *target,
                      const char *time, struct cs_moment *moment, struct cs_diag *diag)
{
	if (selection->by == CS_BY_COROUTINE && time && strcmp(time, "peak") == 0)
		return cs_diag_set(diag, -EINVAL,
		                   "sum up %s@peak by coroutine: what each held at the peak is not "
		                   "kept",
		                   target->path);
	int error = in_use(selection->metric) ? cs_target_load_in_use(target, time, moment, diag)
	                                      : cs_target_load(target, time, moment, diag);
	if (!error)
		error = check_held(selection, target, time, moment, diag);
	if (!error)
		error = cs_target_name_frames(target, moment, diag);
	if (!error)
		error = check_sampled(selection, target, diag);
	if (!error)
		error = cs_filter_check(selection->filter, moment->snapshot, diag);
	return error;
}

struct cs_rollup *cs_selection_rollup(const struct cs_selection *selection,
                                      const struct cs_moment *moment, const struct cs_moment *base,
                                      bool since, struct cs_diag *diag)
{
	struct cs_rollup_options options = {
		.metric = selection->metric,
		.by = selection->by,
		.filter = selection->filter,
		.base = base ? base->snapshot : NULL,
		.since_base = since,
	};

	return cs_rollup_new(moment->snapshot, &options, diag);
}

/* ---- writing ---- */

static uint32_t terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return 0;
	return size.ws_col;
}

static bool terminal_colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && no[0]) && term && strcmp(term, "dumb") != 0;
}

static uint32_t entry_limit(const struct cs_args *args, uint32_t preset)
{
	const struct cs_value *value = has_option(args, "limit") ? cs_args_get(args, "limit")
	                                                         : NULL;

	if (!value || !value->given)
		return preset;
	if (strcmp(value->text, "all") == 0 || value->number > UINT32_MAX)
		return 0;
	return (uint32_t)value->number;
}

struct cs_export_style cs_selection_style(const struct cs_args *args, uint32_t preset)
{
	return (struct cs_export_style){
		.limit = entry_limit(args, preset),
		.width = terminal_width(),
		.colour = terminal_colours(),
	};
}

int cs_selection_write(const struct cs_args *args, const struct cs_export *format,
                       const struct cs_rollup *rollup, struct cs_diag *diag)
{
	struct cs_export_style style =
		cs_selection_style(args, format == &cs_export_text ? TEXT_LIMIT : 0);
	struct cs_sink sink;

	cs_sink_to_file(&sink, stdout, "standard output");
	int error = format->write(rollup, &style, &sink, diag);
	int end = cs_sink_finish(&sink, diag);
	/* Whoever stops reading has seen enough: that is told by the sink, not by the format. */
	return cs_sink_error(&sink) ? end : error;
}

/* ---- heap, fold ---- */

static int refuse_from(const struct cs_selection *selection, const struct cs_target *target,
                       const char *from, const char *to, struct cs_diag *diag)
{
	cs_diag_set(diag, -EINVAL, "show %s from %s on: it is a state, not a sum over time",
	            cs_metric_info[selection->metric].name, from);
	return cs_diag_hint(diag,
	                    "alloc_space and alloc_objects have a --from; growth is shown by: "
	                    "coroscope diff %s@%s %s%s%s --metric %s",
	                    target->path, from, target->path, to ? "@" : "", to ? to : "",
	                    cs_metric_info[selection->metric].name);
}

/* The end of what is shown: FILE@TIME or --to, NULL for the end of the trace. */
static int choose_end(const struct cs_args *args, const struct cs_target *target, const char **to,
                      struct cs_diag *diag)
{
	*to = cs_args_text(args, "to", NULL);
	if (!target->trace && (*to || cs_args_on(args, "from")))
		return cs_diag_set(diag, -EINVAL,
		                   "show an interval of %s: it is shown as it is now",
		                   target->path);
	if (*to && target->time)
		return cs_diag_set(diag, -EINVAL, "show %s@%s to %s: these are two ends",
		                   target->path, target->time, *to);
	if (target->time)
		*to = target->time;
	return 0;
}

static int check_order(const struct cs_target *target, const char *from, const char *to,
                       struct cs_diag *diag)
{
	uint64_t from_ns, to_ns = UINT64_MAX;
	int error = cs_trace_time(target->trace, from, &from_ns, diag);

	if (!error && to)
		error = cs_trace_time(target->trace, to, &to_ns, diag);
	if (!error && from_ns > to_ns)
		error = cs_diag_set(diag, -EINVAL,
		                    "show %s from %s to %s: it would end before it "
		                    "starts",
		                    target->path, from, to);
	return error;
}

static int show(const struct cs_args *args, const struct cs_selection *selection,
                struct cs_target *target, const struct cs_export *format, struct cs_diag *diag)
{
	struct cs_moment moment = {0}, base = {0};
	struct cs_rollup *rollup = NULL;
	const char *from = cs_args_text(args, "from", NULL), *to;
	int error = choose_end(args, target, &to, diag);

	if (!error && from && !cs_metric_info[selection->metric].since_start)
		error = refuse_from(selection, target, from, to, diag);
	if (!error && from)
		error = check_order(target, from, to, diag);
	if (!error)
		error = cs_selection_load(selection, target, to, &moment, diag);
	if (!error && from)
		error = cs_target_load(target, from, &base, diag);
	if (!error && from)
		error = cs_target_name_frames(target, &base, diag);
	if (!error) {
		cs_target_warn(target);
		rollup = cs_selection_rollup(selection, &moment, from ? &base : NULL, from, diag);
		error = rollup ? cs_selection_write(args, format, rollup, diag) : diag->error;
	}
	cs_rollup_free(rollup);
	cs_moment_release(&base);
	cs_moment_release(&moment);
	return error;
}

int cs_selection_show(const struct cs_args *args, const struct cs_export *format,
                      struct cs_diag *diag)
{
	struct cs_selection selection;
	struct cs_target target = {0};
	int error = cs_selection_read(&selection, args, diag);

	if (!error)
		error = cs_target_open_args(&target, args, diag);
	if (!error)
		error = show(args, &selection, &target, format, diag);
	cs_target_close(&target);
	cs_selection_release(&selection);
	return error;
}
