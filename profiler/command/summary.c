/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person wants to know when a recording is over: is it complete, what was in it, what
 * did it cost, and how to read it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "command/counters.h"
#include "command/recording.h"
#include "wire/ring.h"

struct totals {
	uint64_t alloc_bytes, alloc_objects, inuse_bytes;
	uint32_t recorded;            /* processes whose heap was recorded */
	uint32_t refused;             /* not recorded at all */
	const struct cs_process *why; /* the last of these */
	const struct cs_process *top; /* the one whose peak is highest */
	uint32_t top_id;
	uint64_t counters[32];
};

/* Of these the process with most is told, of the others the sum. */
static bool is_highest(int counter)
{
	return counter == CS_AGENT_WAIT_MAX_NS || counter == CS_AGENT_OWN_BYTES ||
	       counter == CS_AGENT_LANE_BYTES || counter == CS_AGENT_TABLE_BYTES;
}

static void add_up(const struct cs_model *model, struct totals *totals)
{
	memset(totals, 0, sizeof(*totals));
	for (uint32_t id = 1; id <= cs_model_cell_count(model); id++) {
		const struct cs_heap_sum *sum = &cs_model_cell_at(model, id)->sum;

		totals->alloc_bytes += sum->alloc_bytes;
		totals->alloc_objects += sum->alloc_objects;
		totals->inuse_bytes += sum->alloc_bytes - sum->free_bytes;
	}
	for (uint32_t id = 1; id <= cs_model_process_count(model); id++) {
		const struct cs_process *process = cs_model_process_at(model, id);

		totals->recorded += process->heap_mean_bytes != 0 && !process->refusal;
		totals->refused += process->refusal != NULL;
		totals->why = process->refusal ? process : totals->why;
		if (!totals->top || process->peak_bytes > totals->top->peak_bytes) {
			totals->top = process;
			totals->top_id = id;
		}
		for (int i = 0; i < 32; i++)
			if (!is_highest(i))
				totals->counters[i] += process->counters[i];
			else if (process->counters[i] > totals->counters[i])
				totals->counters[i] = process->counters[i];
	}
}

static const char *plural(uint32_t count)
{
	return count == 1 ? "" : "es";
}

static void say_heap(const struct cs_recording *recording, const struct totals *totals)
{
	const struct cs_process *top = totals->top;
	bool sampled = recording->config.heap_mean_bytes > CS_HEAP_ALL;
	const char *about = sampled ? "about " : "";

	if (!totals->recorded)
		return;
	cs_say(recording->args, "  allocated    %s%s in %s%s blocks; %s%s in use at the end", about,
	       cs_text_bytes((double)totals->alloc_bytes).s, about,
	       cs_text_count((double)totals->alloc_objects / (double)CS_OBJECT).s, about,
	       cs_text_bytes((double)totals->inuse_bytes).s);
	if (!top->peak_bytes)
		return;
	if (totals->recorded == 1)
		cs_say(recording->args, "  peak         %s%s at @%.3fs", about,
		       cs_text_bytes((double)top->peak_bytes).s, (double)top->peak_ns / 1e9);
	else
		cs_say(recording->args, "  peak         %s%s at @%.3fs in process %" PRIu32 " (%s)",
		       about, cs_text_bytes((double)top->peak_bytes).s, (double)top->peak_ns / 1e9,
		       top->pid, cs_text_basename(top->executable ? top->executable : "?"));
}

/* A process that nobody sees in the figures must not be missed by who reads them. */
static void say_refused(const struct cs_recording *recording, const struct totals *totals)
{
	const struct cs_process *why = totals->why;

	if (why)
		cs_say(recording->args,
		       "  NOT RECORDED %" PRIu32 " process%s, of which %" PRIu32 " (%s): %s",
		       totals->refused, plural(totals->refused), why->pid,
		       cs_text_basename(why->executable ? why->executable : "?"), why->refusal);
}

static void say_losses(const struct cs_recording *recording, const struct totals *totals)
{
	const struct cs_collector_stats *stats = &recording->stats;
	const struct cs_args *args = recording->args;

	/* Threads without a lane want more room for lanes, not larger ones. */
	const char *remedy = totals->counters[CS_AGENT_NO_LANE]
	                             ? "a smaller --buffer leaves room for more threads, if it is "
	                               "that and not that the program has changed its user"
	                             : "a larger --buffer or --on-full block loses fewer";

	if (stats->lost)
		cs_say(args, "  LOST         %s of %s events: figures are not exact; %s",
		       cs_text_count((double)stats->lost).s,
		       cs_text_count((double)stats->emitted).s, remedy);
	else
		cs_say(args, "  events       %s, none lost",
		       cs_text_count((double)stats->events).s);
	if (stats->late)
		cs_say(args, "  late         %s events came out of order",
		       cs_text_count((double)stats->late).s);
	if (stats->unbooked || stats->undefined)
		cs_say(args, "  unclear      %s events made no sense, %s stacks were not known",
		       cs_text_count((double)stats->unbooked).s,
		       cs_text_count((double)stats->undefined).s);
	if (stats->unfinished)
		cs_say(args, "  unfinished   %s events: their threads were killed meanwhile",
		       cs_text_count((double)stats->unfinished).s);
	for (uint32_t i = 0; i < 32; i++) {
		const struct cs_counter_info *info = cs_counter_info(i);

		if (totals->counters[i] && (!info || info->missing))
			cs_say(args, "  missing      %s %s",
			       cs_text_count((double)totals->counters[i]).s,
			       info ? info->words : "of a kind that this version does not know");
	}
}

static void say_cost(const struct cs_recording *recording, const struct totals *totals)
{
	const struct cs_trace_summary *summary = &recording->summary;
	uint64_t waits = totals->counters[CS_AGENT_WAITS];

	/* Looking for names comes after the recording: of a short one it would be 900 %. */
	uint64_t elapsed_ns = cs_clock_now_ns(&recording->clock);

	cs_say(recording->args, "  cost         reader %s of CPU (%s of one core), %s of memory",
	       cs_text_duration(summary->reader_cpu_ns).s,
	       cs_text_percent((double)summary->reader_cpu_ns, (double)elapsed_ns).s,
	       cs_text_bytes((double)summary->reader_rss_bytes).s);
	cs_say(recording->args, "               agent %s, rings %s, table of stacks at most %s%s",
	       cs_text_bytes((double)totals->counters[CS_AGENT_OWN_BYTES]).s,
	       cs_text_bytes((double)totals->counters[CS_AGENT_LANE_BYTES]).s,
	       cs_text_bytes((double)totals->counters[CS_AGENT_TABLE_BYTES]).s,
	       cs_model_process_count(recording->model) > 1 ? " in a process" : "");
	if (!waits)
		return;
	cs_say(recording->args,
	       "               the program waited %s times for the reader, %s in all, at most %s",
	       cs_text_count((double)waits).s,
	       cs_text_duration(totals->counters[CS_AGENT_WAIT_NS]).s,
	       cs_text_duration(totals->counters[CS_AGENT_WAIT_MAX_NS]).s);
	if (totals->counters[CS_AGENT_WAIT_LATE_NS])
		cs_say(recording->args, "               and %s until the busy machine let it go on",
		       cs_text_duration(totals->counters[CS_AGENT_WAIT_LATE_NS]).s);
}

/*
 * The kernel's figure, taken apart. What the allocator has resident beyond live blocks is its
 * books, rounding, and free memory that it keeps; blocks that were never written to are not
 * resident, so that live blocks may also exceed it.
 */
static void say_memory(const struct cs_recording *recording, const struct totals *totals)
{
	const struct cs_process *top = totals->top;
	const struct cs_memory *memory = top ? top->memory : NULL;
	double live, rest;

	if (top && !memory && top->end_rss_bytes) {
		uint64_t most = top->rss_peak_bytes > top->end_rss_bytes ? top->rss_peak_bytes
		                                                         : top->end_rss_bytes;

		cs_say(recording->args, "  memory       %s resident at its end, %s at most",
		       cs_text_bytes((double)top->end_rss_bytes).s, cs_text_bytes((double)most).s);
	}
	if (!memory || !memory->rss)
		return;
	live = (double)cs_collector_read_in_use(recording->collector, totals->top_id);
	rest = (double)memory->allocator - live;
	cs_say(recording->args,
	       "  memory       %s resident at @%.1fs = heap %s %s %s %s + mappings %s "
	       "+ stacks %s + files %s + coroscope %s",
	       cs_text_bytes((double)memory->rss).s, (double)memory->time_ns / 1e9,
	       cs_text_bytes(live).s, rest < 0 ? "-" : "+",
	       rest < 0 ? "never touched" : "allocator", cs_text_bytes(rest < 0 ? -rest : rest).s,
	       cs_text_bytes((double)memory->program_maps).s,
	       cs_text_bytes((double)memory->stacks).s, cs_text_bytes((double)memory->files).s,
	       cs_text_bytes((double)memory->coroscope).s);
}

static void say_names(const struct cs_recording *recording)
{
	const struct cs_resolver_result *found = &recording->resolved;

	if (!recording->written.symbols)
		cs_say(recording->args,
		       "  names        left out; 'coroscope symbolize %s' adds them",
		       recording->written.path);
	else if (recording->args->verbose || found->named < found->frames / 2)
		cs_say(recording->args,
		       "  names        %" PRIu64 " of %" PRIu64 " addresses, %" PRIu64
		       " with source lines",
		       found->named, found->frames, found->with_lines);
}

/* Only what works: a peak of nothing, or one that was dropped, can't be shown. */
static void say_next(const struct cs_recording *recording, const struct totals *totals)
{
	const struct cs_process *top = totals->top;
	const char *path = recording->written.path;

	if (!totals->recorded || !totals->alloc_objects)
		return;
	cs_say(recording->args, "next:");
	cs_written_say(recording->args, "heap", path,
	               top->peak_bytes && top->peak_ns >= recording->kept_from_ns ? "@peak" : "");
	cs_written_say(recording->args, "heap --metric alloc_space --by function", path, "");
	cs_written_say(recording->args, "fold", path, "");
}

void cs_recording_summary(const struct cs_recording *recording)
{
	uint32_t processes = cs_model_process_count(recording->model);
	uint32_t threads = cs_model_thread_count(recording->model);
	struct totals totals;

	add_up(recording->model, &totals);
	cs_say(recording->args, "%s (%s): %s, %" PRIu32 " process%s, %" PRIu32 " thread%s; %s",
	       recording->written.path, cs_text_bytes((double)recording->trace_bytes).s,
	       cs_text_duration(recording->summary.duration_ns).s, processes, plural(processes),
	       threads, threads == 1 ? "" : "s", recording->ended_by);
	if (recording->kept_from_ns)
		cs_say(recording->args,
		       "  kept         from @%.3fs on; what came before was dropped, sums go on",
		       (double)recording->kept_from_ns / 1e9);
	say_heap(recording, &totals);
	say_refused(recording, &totals);
	say_losses(recording, &totals);
	cs_recording_say_cpu(recording);
	say_cost(recording, &totals);
	say_memory(recording, &totals);
	say_names(recording);
	say_next(recording, &totals);
}
