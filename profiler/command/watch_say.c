/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a recording from outside, in a few lines.
 */
#include <inttypes.h>

#include "base/text.h"
#include "command/watch.h"

static void say_looks(const struct cs_watch *watch)
{
	const struct cs_args *args = watch->args;

	cs_say(args, "  coroutines   %s at the end, %s at most",
	       cs_text_count((double)watch->coroutines).s,
	       cs_text_count((double)watch->most_coroutines).s);
	cs_say(args, "  looks        %s, %s each, %s the longest",
	       cs_text_count((double)watch->looks).s,
	       cs_text_duration(watch->look_ns / (watch->looks ? watch->looks : 1)).s,
	       cs_text_duration(watch->longest_look_ns).s);
	if (watch->frozen_ns)
		cs_say(args, "  stopped      at most %s at a time",
		       cs_text_duration(watch->frozen_ns).s);
	if (watch->stretched_ns)
		cs_say(args, "               up to %s apart: they take too long for --interval",
		       cs_text_duration(watch->stretched_ns).s);
	if (watch->unstable)
		cs_say(args, "  unstable     %s times one changed while it was read",
		       cs_text_count((double)watch->unstable).s);
	if (watch->rejected)
		cs_say(args, "  rejected     %s times one made no sense",
		       cs_text_count((double)watch->rejected).s);
}

static void say_cpu(const struct cs_watch *watch)
{
	struct cs_watch_cpu_stats stats;

	if (watch->cpu_refusal.error)
		cs_say(watch->args, "  cpu          cannot %s", watch->cpu_refusal.text);
	if (!watch->cpu)
		return;
	cs_watch_cpu_stats(watch->cpu, &stats);
	cs_say(watch->args,
	       "  cpu          %s%s in %s samples, %" PRIu32 " a second; %s of coroutines",
	       cs_text_duration(stats.charged_ns).s, stats.perf.user_only ? " of user code" : "",
	       cs_text_count((double)stats.perf.samples).s, stats.hz,
	       cs_text_count((double)stats.in_coroutines).s);
	if (stats.perf.lost)
		cs_say(watch->args, "  LOST         %s samples: cpu is too low by as many",
		       cs_text_count((double)stats.perf.lost).s);
	if (stats.perf.unattached)
		cs_say(watch->args, "  left out     %" PRIu32 " threads that can't be sampled",
		       stats.perf.unattached);
}

static void say_wall(const struct cs_watch *watch)
{
	const struct cs_watch_wall *wall = &watch->wall;

	if (!wall->looks)
		return;
	cs_say(watch->args, "  wall         %s looks in %s, %s each",
	       cs_text_count((double)wall->looks).s, cs_text_duration(wall->counted_ns).s,
	       cs_text_duration(wall->look_ns / wall->looks).s);
}

static void say_next(const struct cs_watch *watch)
{
	const struct cs_process *process = cs_model_process_at(watch->model, watch->live.process);

	cs_say(watch->args, "next:");
	cs_written_say(watch->args, "fold --metric coroutines", watch->written.path, "");
	if (watch->cpu)
		cs_written_say(watch->args, "fold --metric cpu", watch->written.path, "");
	if (watch->wall.looks)
		cs_written_say(watch->args, "fold --metric offcpu", watch->written.path, "");
	if (process && process->heap_mean_bytes)
		cs_written_say(watch->args, "heap", watch->written.path, "");
	cs_written_say(watch->args, "info", watch->written.path, "");
}

void cs_watch_say(const struct cs_watch *watch)
{
	cs_say(watch->args, "%s (%s): %s of process %" PRIu32 "; %s", watch->written.path,
	       cs_text_bytes((double)watch->trace_bytes).s,
	       cs_text_duration(watch->summary.duration_ns - watch->begun_ns).s, watch->pid,
	       watch->summary.ended_by);
	say_looks(watch);
	say_cpu(watch);
	say_wall(watch);
	cs_say(watch->args, "  cost         %s of CPU, %s of memory",
	       cs_text_duration(watch->summary.reader_cpu_ns).s,
	       cs_text_bytes((double)watch->summary.reader_rss_bytes).s);
	if (watch->warning[0])
		cs_warn("%s", watch->warning);
	say_next(watch);
}
