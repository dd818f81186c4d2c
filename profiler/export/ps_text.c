/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps for people: what process it is, how many of its coroutines are in which state, what
 * could not be told, then the table.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "export/figures.h"
#include "export/ps.h"
#include "export/table.h"

uint32_t cs_ps_shown(const struct cs_export_style *style, uint32_t count)
{
	return style->limit && style->limit < count ? style->limit : count;
}

uint32_t cs_ps_unstable(const struct cs_snapshot *snapshot)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < snapshot->coroutine_count; i++)
		count += (snapshot->coroutines[i].flags & CS_COROUTINE_UNSTABLE) != 0;
	return count;
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* ---- head ---- */

struct counts {
	uint32_t states[CS_COROUTINE_STATES];
	uint32_t all, own; /* alive; the runtime's own among them */
};

static struct counts *count_by_runtime(const struct cs_snapshot *snapshot)
{
	struct counts *counts =
		calloc((size_t)cs_model_runtime_count(snapshot->model) + 1, sizeof(*counts));

	for (uint32_t i = 0; counts && i < snapshot->coroutine_count; i++) {
		const struct cs_coroutine *coroutine = &snapshot->coroutines[i];
		struct counts *of = &counts[coroutine->runtime];

		if (coroutine->ended_ns)
			continue;
		of->all++;
		if (coroutine->flags & CS_COROUTINE_SYSTEM)
			of->own++;
		else
			of->states[coroutine->state]++;
	}
	return counts;
}

static void put_runtime(const struct cs_model *model, uint32_t id, const struct counts *counts,
                        struct cs_sink *sink)
{
	const struct cs_runtime *runtime = cs_model_runtime_at(model, id);
	const char *separator = ": ";

	cs_sink_text(sink, "  ");
	cs_text_safe(sink, runtime->name, 40);
	if (runtime->version) {
		cs_sink_char(sink, ' ');
		cs_text_safe(sink, runtime->version, 40);
	}
	cs_sink_printf(sink, "  %s coroutine%s", cs_text_count(counts->all).s, plural(counts->all));
	for (int state = CS_COROUTINE_DEAD - 1; state >= 0; state--) {
		if (!counts->states[state])
			continue;
		cs_sink_printf(sink, "%s%s %s", separator, cs_text_count(counts->states[state]).s,
		               state ? cs_coroutine_state_names[state] : "in an unknown state");
		separator = ", ";
	}
	if (counts->own)
		cs_sink_printf(sink, "%s%s of the runtime's own", separator,
		               cs_text_count(counts->own).s);
	cs_sink_char(sink, '\n');
}

static uint32_t count_threads(const struct cs_snapshot *snapshot, uint32_t process,
                              uint32_t states[CS_THREAD_STATES])
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < snapshot->thread_count; i++) {
		const struct cs_thread *thread = &snapshot->threads[i];

		if (thread->process != process || thread->end_ns)
			continue;
		count++;
		states[thread->state]++;
	}
	return count;
}

static void put_thread_counts(const struct cs_snapshot *snapshot, uint32_t process,
                              struct cs_sink *sink)
{
	uint32_t states[CS_THREAD_STATES] = {0};
	uint32_t count = count_threads(snapshot, process, states);
	const char *separator = ": ";

	if (!count)
		return;
	cs_sink_printf(sink, "  %s thread%s", cs_text_count(count).s, plural(count));
	for (int state = 1; state < CS_THREAD_STATES; state++) {
		if (!states[state])
			continue;
		cs_sink_printf(sink, "%s%s %s", separator, cs_text_count(states[state]).s,
		               cs_thread_state_names[state]);
		separator = ", ";
	}
	cs_sink_char(sink, '\n');
}

static void put_process(const struct cs_ps *ps, uint32_t id, const struct counts *counts,
                        const struct cs_export_style *style, struct cs_sink *sink)
{
	const struct cs_colours colours = cs_colours(style);
	const struct cs_model *model = ps->snapshot->model;
	const struct cs_process *process = cs_model_process_at(model, id);
	const char *what = process->arguments && *process->arguments ? process->arguments
	                   : process->executable                     ? process->executable
	                                                             : "?";
	uint32_t all = 0;

	cs_sink_printf(sink, "%sprocess %u%s  ", colours.strong, process->pid, colours.plain);
	cs_text_safe(sink, what, style->width > 40 ? style->width - 20 : 200);
	if (process->ended)
		cs_sink_printf(sink, " (ended%s)",
		               process->end_seen ? "" : " without its exit handlers");
	cs_sink_char(sink, '\n');
	for (uint32_t runtime = 1; runtime <= cs_model_runtime_count(model); runtime++)
		if (cs_model_runtime_at(model, runtime)->process == id)
			all += counts[runtime].all;
	/* A runtime that has none now is named when no other has any. */
	for (uint32_t runtime = 1; runtime <= cs_model_runtime_count(model); runtime++)
		if (cs_model_runtime_at(model, runtime)->process == id &&
		    (counts[runtime].all || !all))
			put_runtime(model, runtime, &counts[runtime], sink);
	put_thread_counts(ps->snapshot, id, sink);
}

static int put_head(const struct cs_ps *ps, const struct cs_export_style *style,
                    struct cs_sink *sink)
{
	struct counts *counts = count_by_runtime(ps->snapshot);

	if (!counts)
		return -ENOMEM;
	for (uint32_t id = 1; id <= cs_model_process_count(ps->snapshot->model); id++)
		put_process(ps, id, counts, style, sink);
	free(counts);
	if (!ps->is_live)
		cs_sink_printf(sink, "  as at %.3f s of the recording\n",
		               (double)ps->snapshot->time_ns / 1e9);
	else if (ps->frozen_ns)
		cs_sink_printf(sink, "  read in %s; the process stood still for %s\n",
		               cs_text_duration(ps->duration_ns).s,
		               cs_text_duration(ps->frozen_ns).s);
	else
		cs_sink_printf(sink, "  read in %s, without stopping the process\n",
		               cs_text_duration(ps->duration_ns).s);
	return 0;
}

/* ---- notes ---- */

static void note_overflows(const struct cs_ps *ps, struct cs_sink *sink)
{
	uint32_t count = 0, first = 0;

	for (uint32_t i = 0; i < ps->snapshot->coroutine_count; i++) {
		if (!cs_coroutine_is_near_overflow(&ps->snapshot->coroutines[i]))
			continue;
		if (!count++)
			first = i;
	}
	if (!count)
		return;
	const struct cs_coroutine *coroutine = &ps->snapshot->coroutines[first];

	cs_sink_printf(
		sink, "warning: %s coroutine%s used more than 90 %% of %s stack, such as %s\n",
		cs_text_count(count).s, count == 1 ? " has" : "s have",
		count == 1 ? "its" : "their",
		cs_coroutine_id(ps->snapshot->model, coroutine->runtime, coroutine->number).s);
}

/* What the kernel permits is 65530 unless somebody has changed it. */
static void note_mappings(const struct cs_ps *ps, struct cs_sink *sink)
{
	for (uint32_t id = 1; id <= cs_model_process_count(ps->snapshot->model); id++) {
		const struct cs_process *process = cs_model_process_at(ps->snapshot->model, id);

		if (process->memory && process->memory->maps >= 58000 && !process->ended)
			cs_sink_printf(
				sink,
				"warning: process %u has %s mappings; at vm.max_map_count (65,530 "
				"by default) it gets no more stacks\n",
				process->pid, cs_text_count((double)process->memory->maps).s);
	}
}

/* Pieces of memory, where nothing tells where a stack begins and ends. */
static void note_guesses(const struct cs_ps *ps, struct cs_sink *sink)
{
	uint32_t guessed = 0;

	for (uint32_t i = 0; i < ps->snapshot->coroutine_count; i++)
		guessed += (ps->snapshot->coroutines[i].flags & CS_COROUTINE_GUESSED) != 0;
	if (guessed)
		cs_sink_printf(
			sink,
			"note: of %s of them it is not known where their stacks begin and "
			"end: each 64 KiB are taken for one, so there may be fewer or more\n",
			cs_text_count(guessed).s);
}

/* By their stacks alone: those that share one may have been noticed, or not. */
static void note_shared_stacks(const struct cs_ps *ps, struct cs_sink *sink)
{
	const struct cs_model *model = ps->snapshot->model;
	uint32_t found = 0, shared = 0;

	for (uint32_t i = 0; i < ps->snapshot->coroutine_count; i++) {
		const struct cs_coroutine *coroutine = &ps->snapshot->coroutines[i];
		const struct cs_runtime *runtime = cs_model_runtime_at(model, coroutine->runtime);

		found += !strcmp(runtime->name, "stack");
		shared += (coroutine->flags & CS_COROUTINE_SHARED_STACK) != 0;
	}
	if (shared)
		cs_sink_printf(sink,
		               "note: %s stack%s several coroutines each, copied in and out or one "
		               "after the other, which can't be told apart: shown as one\n",
		               cs_text_count(shared).s, shared == 1 ? " has" : "s have");
	else if (found)
		cs_sink_text(sink, "note: those of `stack` are told apart by their stacks alone: "
		                   "coroutines that share one, or have theirs in one block "
		                   "without guard pages, are shown as one\n");
}

static void put_notes(const struct cs_ps *ps, struct cs_sink *sink)
{
	uint32_t unstable = cs_ps_unstable(ps->snapshot);

	if (unstable)
		cs_sink_printf(sink,
		               "note: %s coroutine%s changed while %s read: no stack is shown\n",
		               cs_text_count(unstable).s, plural(unstable),
		               unstable == 1 ? "it was" : "they were");
	if (ps->rejected)
		cs_sink_printf(sink, "note: %s made no sense and are left out\n",
		               cs_text_count((double)ps->rejected).s);
	if (ps->snapshot->lost)
		cs_sink_printf(sink, "note: %s event%s lost: times and sums are about\n",
		               cs_text_count((double)ps->snapshot->lost).s,
		               ps->snapshot->lost == 1 ? " was" : "s were");
	note_shared_stacks(ps, sink);
	note_guesses(ps, sink);
	note_overflows(ps, sink);
	note_mappings(ps, sink);
}

/* ---- threads ---- */

static void put_thread(const struct cs_ps *ps, const struct cs_thread *thread, struct cs_sink *sink)
{
	struct cs_text none = {""};
	const struct cs_coroutine *coroutine =
		thread->coroutine ? &ps->snapshot->coroutines[thread->coroutine - 1] : NULL;

	cs_sink_printf(sink, "%8u  ", thread->tid);
	cs_sink_spaces(sink, 16 - cs_text_safe(sink, thread->name, 16));
	cs_sink_printf(
		sink, "%-10s  %9s  %9s", thread->state ? cs_thread_state_names[thread->state] : "",
		(thread->cpu_ns == CS_UNKNOWN ? none : cs_text_duration(thread->cpu_ns)).s,
		(thread->wait_ns == CS_UNKNOWN ? none : cs_text_duration(thread->wait_ns)).s);
	if (coroutine)
		cs_sink_printf(sink, "  %s",
		               cs_coroutine_id(ps->snapshot->model, coroutine->runtime,
		                               coroutine->number)
		                       .s);
	cs_sink_char(sink, '\n');
}

static void put_threads(const struct cs_ps *ps, const struct cs_export_style *style,
                        struct cs_sink *sink)
{
	const struct cs_colours colours = cs_colours(style);
	uint32_t shown = 0;

	for (uint32_t i = 0; i < ps->snapshot->thread_count && !cs_sink_error(sink); i++) {
		if (ps->snapshot->threads[i].end_ns)
			continue;
		if (!shown++)
			cs_sink_printf(sink, "\n%s%8s  %-16s%-10s  %9s  %9s  %s%s\n",
			               colours.strong, "THREAD", "NAME", "STATE", "CPU", "DELAYED",
			               "RUNS", colours.plain);
		put_thread(ps, &ps->snapshot->threads[i], sink);
	}
}

/* ---- all of it ---- */

static void put_rest(const struct cs_ps *ps, const struct cs_export_style *style,
                     struct cs_sink *sink)
{
	uint32_t all = ps->groups ? ps->groups->count : ps->count;
	uint32_t shown = cs_ps_shown(style, all);

	if (shown < all)
		cs_sink_printf(sink, "… and %s more %s: -n all shows them%s\n",
		               cs_text_count(all - shown).s, ps->groups ? "groups" : "coroutines",
		               ps->groups ? "" : ", --group sums them up");
}

int cs_ps_text(const struct cs_ps *ps, const struct cs_export_style *style, struct cs_sink *sink,
               struct cs_diag *diag)
{
	int error = put_head(ps, style, sink);

	if (!error)
		put_notes(ps, sink);
	if (!error && ps->count)
		error = cs_ps_table(ps, style, sink);
	if (error)
		return cs_diag_set(diag, error, "list coroutines: %s", strerror(-error));
	put_rest(ps, style, sink);
	if (!ps->count && ps->snapshot->coroutine_count)
		cs_sink_text(sink, "\nno coroutine is as was asked for\n");
	if (ps->with_threads || !ps->snapshot->coroutine_count)
		put_threads(ps, style, sink);
	if (ps->with_figures)
		cs_figures_text(ps->snapshot->model, "What the runtime says of itself", sink);
	return 0;
}
