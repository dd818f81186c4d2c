/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace is decoded once from its beginning, in stretches; the state behind each stretch is a
 * point. When points become many, every other one is dropped: a chart has few columns.
 */
#include "app/series.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "model/coroutine.h"

#define POINTS_READ 400u
#define POINTS_MAX 4096u

enum { HEAP, COROUTINES, RUNNING, RUNNABLE, WAITING, SYSCALL, CPU, STACKS };

static const struct {
	const char *title;
	enum csv_series_unit unit;
} kinds[CSV_SERIES_MAX] = {
	[HEAP] = {"heap in use", CSV_SERIES_BYTES},
	[COROUTINES] = {"coroutines", CSV_SERIES_COUNT},
	[RUNNING] = {"running", CSV_SERIES_COUNT},
	[RUNNABLE] = {"runnable", CSV_SERIES_COUNT},
	[WAITING] = {"waiting", CSV_SERIES_COUNT},
	[SYSCALL] = {"in system calls", CSV_SERIES_COUNT},
	[CPU] = {"CPU (of one)", CSV_SERIES_SHARE},
	[STACKS] = {"coroutine stacks", CSV_SERIES_BYTES},
};

/* ---- the values of a moment ---- */

static double heap_in_use(const struct cs_model *model)
{
	double sum = NAN;

	for (uint32_t id = 1; id <= cs_model_process_count(model); id++) {
		const struct cs_process *process = cs_model_process_at(model, id);

		if (process->heap_mean_bytes || process->inuse_bytes)
			sum = (isnan(sum) ? 0 : sum) + (double)process->inuse_bytes;
	}
	return sum;
}

static void count_coroutines(const struct cs_model *model, double *values)
{
	static const int kind_of[CS_COROUTINE_STATES] = {
		[CS_COROUTINE_RUNNING] = RUNNING,   [CS_COROUTINE_NEW] = RUNNABLE,
		[CS_COROUTINE_RUNNABLE] = RUNNABLE, [CS_COROUTINE_WAITING] = WAITING,
		[CS_COROUTINE_SYSCALL] = SYSCALL,
	};

	if (!cs_model_runtime_count(model))
		return;
	for (int i = COROUTINES; i <= SYSCALL; i++)
		values[i] = 0;
	for (uint32_t id = 1; id <= cs_model_coroutine_slots(model); id++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);

		if (!coroutine || coroutine->ended_ns || coroutine->flags & CS_COROUTINE_SYSTEM)
			continue;
		values[COROUTINES]++;
		if (coroutine->state < CS_COROUTINE_STATES && kind_of[coroutine->state])
			values[kind_of[coroutine->state]]++;
		if (coroutine->stack_used != CS_UNKNOWN)
			values[STACKS] = (isnan(values[STACKS]) ? 0 : values[STACKS]) +
			                 (double)coroutine->stack_used;
	}
}

/* Of one CPU, by all threads; NAN: nobody knows. */
static double cpu_share(const struct cs_model *model)
{
	double sum = NAN;

	for (uint32_t id = 1; id <= cs_model_thread_count(model); id++) {
		const struct cs_thread *thread = cs_model_thread_at(model, id);

		if (thread->share_ppm != CS_UNKNOWN && !thread->end_ns)
			sum = (isnan(sum) ? 0 : sum) + (double)thread->share_ppm / 1e6;
	}
	return sum;
}

/* ---- points ---- */

static int push(struct csv_timeline *timeline, int kind, uint64_t time_ns, double value)
{
	struct csv_series *series = &timeline->all[kind];
	void *points = (void *)series->points;
	int error = cs_array_reserve(&points, &timeline->rooms[kind], sizeof(struct csv_point),
	                             series->count + 1);

	series->points = points;
	if (error)
		return error;
	((struct csv_point *)points)[series->count++] = (struct csv_point){time_ns, value};
	return 0;
}

static void thin_out(struct csv_series *series)
{
	struct csv_point *points = (struct csv_point *)series->points;
	uint32_t kept = 0;

	for (uint32_t i = 1; i < series->count; i += 2) {
		/* Of each two the higher value, so that peaks stay. */
		points[kept] = points[i];
		if (points[i - 1].value > points[i].value)
			points[kept].value = points[i - 1].value;
		kept++;
	}
	series->count = kept;
}

static void show_those_that_hold(struct csv_timeline *timeline)
{
	timeline->count = 0;
	for (int kind = 0; kind < CSV_SERIES_MAX; kind++) {
		const struct csv_series *series = &timeline->all[kind];
		bool holds = false;

		for (uint32_t i = 0; i < series->count && !holds; i++)
			holds = series->points[i].value > 0;
		if (holds)
			timeline->series[timeline->count++] = *series;
	}
}

int csv_timeline_add(struct csv_timeline *timeline, const struct cs_model *model)
{
	uint64_t now_ns = cs_model_now(model);
	double values[CSV_SERIES_MAX];
	int error = 0;

	if (timeline->last_ns && now_ns <= timeline->last_ns)
		return 0;
	for (int kind = 0; kind < CSV_SERIES_MAX; kind++)
		values[kind] = NAN;
	values[HEAP] = heap_in_use(model);
	count_coroutines(model, values);
	values[CPU] = cpu_share(model);
	timeline->last_ns = now_ns;
	for (int kind = 0; !error && kind < CSV_SERIES_MAX; kind++) {
		timeline->all[kind].title = kinds[kind].title;
		timeline->all[kind].unit = kinds[kind].unit;
		if (timeline->all[kind].count >= POINTS_MAX)
			thin_out(&timeline->all[kind]);
		error = push(timeline, kind, now_ns, values[kind]);
	}
	show_those_that_hold(timeline);
	return error;
}

int csv_timeline_read(struct csv_timeline *timeline, struct cs_trace *trace,
                      const struct cs_pace *pace, struct cs_diag *diag)
{
	struct cs_model *model = cs_model_new();
	struct cs_trace_place *place = cs_trace_place_new();
	uint32_t chunks = cs_trace_chunk_count(trace), done = 0, deltas = 0, each;
	int error = model && place ? 0 : cs_diag_set(diag, -ENOMEM, "read the timeline: no memory");

	for (uint32_t i = 0; i < chunks; i++)
		deltas += !strcmp(cs_trace_chunk_name(cs_trace_chunk_at(trace, i)->kind), "DELTAS");
	each = deltas / POINTS_READ + 1;
	while (!error && done < chunks) {
		uint32_t to = done, seen = 0;

		while (to < chunks && seen < each)
			seen += !strcmp(cs_trace_chunk_name(cs_trace_chunk_at(trace, to++)->kind),
			                "DELTAS");
		error = cs_trace_load_more(trace, place, to, model, NULL, diag);
		done = to;
		if (!error)
			error = csv_timeline_add(timeline, model);
		if (!error)
			error = cs_pace_rest(pace);
	}
	cs_trace_place_free(place);
	cs_model_free(model);
	return error;
}

void csv_timeline_release(struct csv_timeline *timeline)
{
	for (int kind = 0; kind < CSV_SERIES_MAX; kind++)
		free((void *)timeline->all[kind].points);
	memset(timeline, 0, sizeof(*timeline));
}
