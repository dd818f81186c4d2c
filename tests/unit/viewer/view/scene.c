/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include <stdio.h>
#include <string.h>

#include "model/tally.h"
#include "support/unit.h"
#include "view/census.h"
#include "view/living.h"

#define S UINT64_C(1000000000)

/* Frames of one module, each with a name of its own. */
static uint32_t frame(struct cs_model *model, struct cs_symbols *symbols, uint32_t module,
                      uint64_t offset, const char *function, const char *file, uint32_t line)
{
	uint32_t id = cs_model_frame(model, module, offset);
	const struct cs_name name = {function, file, line, false};

	assert_int_not_equal(id, 0);
	assert_int_equal(cs_symbols_set(symbols, id, &name, 1), 0);
	return id;
}

static uint32_t node(struct cs_model *model, uint32_t parent, uint32_t frame_id)
{
	uint32_t id = cs_model_node(model, parent, frame_id);

	assert_int_not_equal(id, 0);
	return id;
}

struct places {
	uint32_t main, spawn, waits, runs, parses;
};

static struct places make_places(struct cs_model *model, struct cs_symbols *symbols)
{
	uint32_t module = cs_model_module(model, "/srv/server", NULL, 0);
	uint32_t f_main = frame(model, symbols, module, 0x100, "main.main", "main.go", 10);
	uint32_t f_spawn = frame(model, symbols, module, 0x200, "main.spawn", "main.go", 22);
	uint32_t f_worker = frame(model, symbols, module, 0x300, "main.worker", "worker.go", 7);
	uint32_t f_receive =
		frame(model, symbols, module, 0x400, "runtime.chanrecv1", "chan.go", 442);
	uint32_t f_parse = frame(model, symbols, module, 0x500, "json.parse", "json.go", 99);
	struct places places = {.main = node(model, 0, f_main)};
	uint32_t worker = node(model, 0, f_worker);

	places.spawn = node(model, places.main, f_spawn);
	places.waits = node(model, worker, f_receive);
	places.parses = node(model, worker, f_parse);
	places.runs = places.parses;
	return places;
}

static struct cs_coroutine *coroutine(struct cs_model *model, uint32_t runtime, uint64_t number,
                                      enum cs_coroutine_state state, const char *reason)
{
	uint32_t id = cs_model_coroutine(model, 1, runtime, number);
	struct cs_coroutine *made = cs_model_coroutine_at(model, id);

	assert_non_null(made);
	made->state = state;
	made->reason = reason ? cs_model_text(model, reason) : 0;
	return made;
}

static void make_workers(struct cs_model *model, uint32_t runtime, const struct places *places,
                         uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct cs_coroutine *worker =
			coroutine(model, runtime, 18 + i, CS_COROUTINE_WAITING, "chan receive");

		worker->parent_runtime = runtime;
		worker->parent_number = 1;
		worker->spawn = places->spawn;
		worker->stack = places->waits;
		worker->created_after_ns = worker->created_ns = i * S;
		worker->since_after_ns = worker->since_ns = (60 - 10 * i) * S;
		worker->stack_used = 512 + 64 * i;
	}
}

static void make_moment(struct cs_model *model, struct cs_symbols *symbols, uint64_t time_ns,
                        uint64_t workers, uint64_t bytes)
{
	const struct cs_process process = {
		.pid = 42, .heap_mean_bytes = 1, .executable = (char *)"/srv/server"};
	uint32_t runtime, cell;

	assert_int_equal(cs_model_process(model, &process), 1);
	struct places places = make_places(model, symbols);

	runtime = cs_model_runtime(model, 1, "go", "go1.22.12");
	for (uint32_t tid = 42; tid < 44; tid++) {
		struct cs_thread *thread =
			cs_model_thread_at(model, cs_model_thread(model, 1, tid, 0));

		snprintf(thread->name, sizeof(thread->name),
		         tid == 42 ? "server" : "worker\033[7m");
		thread->state = tid == 42 ? CS_THREAD_SLEEPING : CS_THREAD_RUNNING;
		thread->cpu_ns = tid == 42 ? S : 3 * S;
		thread->wait_ns = CS_UNKNOWN;
		thread->share_ppm = tid == 42 ? 100000 : 1000000;
	}
	struct cs_coroutine *first =
		coroutine(model, runtime, 1, CS_COROUTINE_WAITING, "select (no cases)");

	first->stack = places.main;
	first->since_ns = (uint64_t)0 - 60 * S; /* before the recording */
	if (workers > 2) {
		struct cs_coroutine *runs =
			coroutine(model, runtime, 77, CS_COROUTINE_RUNNING, NULL);

		runs->stack = places.runs;
		runs->thread = 2;
		runs->cpu_ns = 250000000;
		runs->name = NULL;
		assert_int_equal(cs_model_coroutine_set_name(
					 model, cs_model_coroutine_find(model, 1, runtime, 77),
					 "日本 \033]0;x"),
		                 0);
		cs_model_thread_at(model, 2)->coroutine =
			cs_model_coroutine_find(model, 1, runtime, 77);
		coroutine(model, runtime, 2, CS_COROUTINE_WAITING, "GC worker (idle)")->flags |=
			CS_COROUTINE_SYSTEM;
	}
	make_workers(model, runtime, &places, workers);
	cell = cs_model_cell(model, 1, 2, places.parses);
	cs_model_heap_alloc(model, cell, bytes, 100 * CS_OBJECT, 0, 0);
	cell = cs_model_cell(model, 1, 1, places.main);
	cs_model_heap_alloc(model, cell, 4096, 2 * CS_OBJECT, 0, 0);
	cs_model_set_now(model, time_ns);
	cs_model_figure_set(model, cs_model_figure(model, 1, "go.sched.gomaxprocs", CS_UNIT_COUNT),
	                    2);
	cs_model_figure_set(model, cs_model_figure(model, 1, "go.mem.heap_inuse", CS_UNIT_BYTES),
	                    (double)bytes * 2);
}

void scene_make(struct made_scene *made)
{
	struct csv_scene *scene = &made->scene;

	memset(made, 0, sizeof(*made));
	made->symbols = cs_symbols_new();
	made->now = cs_model_new();
	made->start = cs_model_new();
	make_moment(made->now, made->symbols, 120 * S, SCENE_WORKERS, 1 << 20);
	make_moment(made->start, made->symbols, 1 * S, 2, 1 << 18);
	made->now_snapshot = cs_snapshot_take(made->now, made->symbols);
	made->start_snapshot = cs_snapshot_take(made->start, made->symbols);
	for (int i = 0; i < 4; i++) {
		made->heap[i] = (struct csv_point){(uint64_t)i * 40 * S, 1 << (17 + i)};
		made->coroutines[i] = (struct csv_point){(uint64_t)i * 40 * S, 2 + 2 * i};
	}
	made->series[0] = (struct csv_series){"heap in use", CSV_SERIES_BYTES, made->heap, 4};
	made->series[1] = (struct csv_series){"coroutines", CSV_SERIES_COUNT, made->coroutines, 4};
	*scene = (struct csv_scene){
		.now = made->now_snapshot,
		.before = {.time_ns = 119 * S, .switches = CS_UNKNOWN},
		.start = made->start_snapshot,
		.stacks = cs_stacks_new(true),
		.to_ns = 120 * S,
		.live = true,
		.needle = "",
		.series = made->series,
		.series_count = 2,
	};
	assert_non_null(scene->stacks);
	scene->serial = 1;
	assert_int_equal(csv_living_take(&scene->living, &scene->counts, made->now, NULL), 0);
	assert_int_equal(csv_census_take(&scene->start_census, made->start), 0);
	assert_int_equal(csv_census_take(&scene->minute_census, made->start), 0);
}

void scene_release(struct made_scene *made)
{
	csv_census_release(&made->scene.start_census);
	csv_census_release(&made->scene.minute_census);
	csv_living_release(&made->scene.living);
	cs_stacks_free(made->scene.stacks);
	cs_snapshot_free(made->now_snapshot);
	cs_snapshot_free(made->start_snapshot);
	cs_symbols_free(made->symbols);
	cs_model_free(made->now);
	cs_model_free(made->start);
}
