/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is due when. Looking costs us CPU time: looks that use more than their budget of the
 * interval are made less often, and the summary says so. Samples are taken out soon after they
 * were made, because a goroutine's struct may be another's a moment later.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "command/interrupts.h"
#include "command/watch.h"
#include "model/coroutine.h"
#include "model/tally.h"
#include "source/collector.h"

#define DRAIN_NS UINT64_C(10000000)
#define DRAIN_IDLE_NS UINT64_C(100000000)
#define QUIET_NS UINT64_C(1000000000) /* something is written at least this often */
#define DYING_NS UINT64_C(2000000000)
#define PROGRESS_NS UINT64_C(250000000)

struct schedule {
	uint64_t earliest_ns; /* of the next look, by the budget */
	uint64_t look_ns, drain_ns, write_ns, keyframe_ns, progress_ns;
	uint64_t end_ns; /* UINT64_MAX: none */
	unsigned signals;
};

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- parts of the loop ---- */

static void end(struct cs_watch *watch, const char *why)
{
	if (!watch->ended_by)
		watch->ended_by = why;
}

static void end_of_process(struct cs_watch *watch, int *error)
{
	struct cs_process *process = cs_model_process_at(watch->model, watch->live.process);

	end(watch, "program ended");
	*error = 0;
	if (process->ended)
		return;
	process->ended = true;
	process->end_ns = cs_clock_now_ns(&watch->clock);
	cs_model_process_changed(watch->model, watch->live.process);
}

/* Sleeps until something is due; true: the process has ended. */
static bool sleep_until(const struct cs_watch *watch, uint64_t due_ns)
{
	struct pollfd fd = {.fd = watch->pidfd, .events = POLLIN};
	uint64_t now_ns = cs_clock_now_ns(&watch->clock);
	uint64_t left_ns = due_ns > now_ns ? due_ns - now_ns : 0;
	struct timespec time = {
		.tv_sec = (time_t)(left_ns / 1000000000u),
		.tv_nsec = (long)(left_ns % 1000000000u),
	};

	return ppoll(&fd, 1, &time, NULL) > 0 && (fd.revents & POLLIN);
}

static void drain(struct cs_watch *watch, struct schedule *due, uint64_t now_ns)
{
	uint64_t samples = cs_watch_cpu_drain(watch->cpu);

	due->drain_ns = !watch->cpu ? UINT64_MAX : now_ns + (samples ? DRAIN_NS : DRAIN_IDLE_NS);
}

/* The last known value of a figure; PRESET: it is not kept. */
static double figure(const struct cs_watch *watch, const char *wanted, double preset)
{
	const struct cs_model *model = watch->model;

	for (uint32_t id = 1; id <= cs_model_figure_count(model); id++) {
		const struct cs_figure *one = cs_model_figure_at(model, id);
		const char *name = cs_model_text_at(model, one->name);

		if (one->known && one->process == watch->live.process && name &&
		    !strcmp(name, wanted))
			return one->value;
	}
	return preset;
}

/*
 * Cycles of the garbage collector since the last look: an event at the end of the last one,
 * whose value is how many there have been. Those in between left no time behind.
 */
static void note_cycles(struct cs_watch *watch)
{
	uint64_t now_ns = cs_model_now(watch->model);
	uint64_t cycles = (uint64_t)figure(watch, "go.gc.cycles", 0);
	double end_ns =
		figure(watch, "go.gc.last_end_unix", 0) - (double)watch->clock.wall_start_ns;
	struct cs_trace_event event = {
		.time_ns = end_ns > 0 && end_ns < (double)now_ns ? (uint64_t)end_ns : now_ns,
		.kind = CS_EVENT_GC_END,
		.process = watch->live.process,
		.value = cycles,
	};

	if (watch->looks > 1 && cycles > watch->gc_cycles)
		cs_trace_write_event(watch->writer, &event);
	watch->gc_cycles = cycles;
}

static int look(struct cs_watch *watch, struct schedule *due, struct cs_diag *diag)
{
	uint64_t before_ns = cs_clock_now_ns(&watch->clock);
	uint64_t used_ns = cs_clock_used_ns();
	int error = cs_watch_look(watch, diag);
	uint64_t least_ns = (cs_clock_used_ns() - used_ns) * 100 / watch->budget;

	if (!error)
		note_cycles(watch);
	due->earliest_ns = before_ns + least_ns;
	if (least_ns > watch->interval_ns)
		watch->stretched_ns = least_ns > watch->stretched_ns ? least_ns
		                                                     : watch->stretched_ns;
	else
		least_ns = watch->interval_ns;
	due->look_ns = before_ns + least_ns;
	due->write_ns = 0;
	return error;
}

static int write_trace(struct cs_watch *watch, struct schedule *due, uint64_t now_ns,
                       struct cs_diag *diag)
{
	bool keyframe = now_ns >= due->keyframe_ns;

	if (keyframe)
		due->keyframe_ns = now_ns + CS_KEYFRAME_NS;
	due->write_ns = now_ns + QUIET_NS;
	return cs_watch_write(watch, keyframe, diag);
}

static void show_progress(struct cs_watch *watch, struct schedule *due, uint64_t now_ns)
{
	if (!watch->progress.on || now_ns < due->progress_ns)
		return;
	due->progress_ns = now_ns + PROGRESS_NS;
	cs_progress_text(&watch->progress, "recording %s: %s coroutines, %s looks of %s",
	                 cs_text_duration(now_ns - watch->begun_ns).s,
	                 cs_text_count((double)watch->coroutines).s,
	                 cs_text_count((double)watch->looks).s,
	                 cs_text_duration(watch->look_ns / (watch->looks ? watch->looks : 1)).s);
}

/* Somebody wants it otherwise from now on. */
static void be_steered(struct cs_watch *watch, struct schedule *due, uint64_t now_ns)
{
	const struct cs_control *control = &watch->control;

	if (!cs_control_look(&watch->control, now_ns))
		return;
	watch->interval_ns = control->interval_ns ? control->interval_ns : watch->asked_ns;
	due->look_ns = earlier(due->look_ns, now_ns + watch->interval_ns);
	if (due->look_ns < due->earliest_ns)
		due->look_ns = due->earliest_ns;
	cs_trace_hold(watch->writer, control->hold);
}

/* One round: everything that is due. 0; -ESRCH: it has ended; -errno with DIAG. */
static int round_of(struct cs_watch *watch, struct schedule *due, struct cs_diag *diag)
{
	uint64_t now_ns = cs_clock_now_ns(&watch->clock);
	int error = 0;

	if (now_ns >= due->drain_ns)
		drain(watch, due, now_ns);
	if (now_ns >= cs_watch_wall_due(&watch->wall))
		error = cs_watch_wall_look(&watch->wall, &watch->live, watch->cpu, diag);
	if (!error && now_ns >= due->look_ns)
		error = look(watch, due, diag);
	if (!error && now_ns >= due->write_ns)
		error = write_trace(watch, due, cs_clock_now_ns(&watch->clock), diag);
	be_steered(watch, due, now_ns);
	show_progress(watch, due, now_ns);
	return error;
}

static uint64_t next_due(const struct cs_watch *watch, const struct schedule *due)
{
	uint64_t next_ns =
		earlier(earlier(due->look_ns, due->drain_ns), earlier(due->write_ns, due->end_ns));

	if (watch->control.path)
		next_ns = earlier(next_ns, watch->control.due_ns);
	return earlier(next_ns, cs_watch_wall_due(&watch->wall));
}

/* Memory is gone before the last thread has ended: until then its end is awaited. */
static uint64_t dying_until(const struct cs_watch *watch)
{
	return cs_clock_now_ns(&watch->clock) + DYING_NS;
}

/* ---- the loop ---- */

int cs_watch_run(struct cs_watch *watch, struct cs_diag *diag)
{
	struct schedule due = {
		.look_ns = watch->begun_ns + watch->interval_ns, /* the first one has been */
		.drain_ns = watch->cpu ? 0 : UINT64_MAX,
		.end_ns = watch->duration_ns ? watch->begun_ns + watch->duration_ns : UINT64_MAX,
		.signals = cs_interrupts_count(),
	};
	int error = 0;

	cs_watch_wall_start(&watch->wall, watch->wall_hz, &watch->clock);
	while (!watch->ended_by) {
		error = round_of(watch, &due, diag);
		/* Who dies while being read makes all kinds of errors, and may take a while. */
		if (error == -ESRCH ||
		    sleep_until(watch, error && !watch->failed ? dying_until(watch)
		                                               : next_due(watch, &due)))
			end_of_process(watch, &error);
		else if (error)
			end(watch, watch->failed ? "the trace could not be written"
			                         : "it could not be observed any more");
		if (cs_interrupts_count() > due.signals)
			end(watch, "interrupted");
		if (cs_clock_now_ns(&watch->clock) >= due.end_ns)
			end(watch, "duration");
	}
	cs_watch_cpu_drain(watch->cpu);
	if (!error && !cs_model_process_at(watch->model, watch->live.process)->ended) {
		error = cs_watch_look(watch, diag);
		if (error == -ESRCH || (error && sleep_until(watch, dying_until(watch))))
			error = 0;
	}
	cs_progress_clear(&watch->progress);
	return error;
}
