/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics that are not the heap's: tallies, and what there is of coroutines. */
#include <stdlib.h>
#include <string.h>

#include "model/coroutine.h"
#include "model/tally.h"
#include "scene.h"
#include "support/unit.h"

#define MS UINT64_C(1000000)

static void tally(struct scene *scene, uint32_t process, uint32_t thread, uint32_t node,
                  enum cs_tally_kind kind, uint64_t value, uint64_t samples)
{
	struct cs_tally key = {
		.process = process, .thread = thread, .node = node, .kind = (uint8_t)kind};
	uint32_t id = cs_model_tally(scene->model, &key);

	assert_true(id > 0);
	cs_model_tally_add(scene->model, id, value, samples);
}

/* CPU time by stack, function and thread; the heap beside it is not in it. */
static void cpu_time_is_summed_as_the_heap_is(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "/bin/app", 42, 1);
	uint32_t one = scene_thread(scene, process, "one", 43);
	uint32_t two = scene_thread(scene, process, "two", 44);
	uint32_t parse = scene_stack(scene, "/bin/app", "main;parse");
	uint32_t read = scene_stack(scene, "/bin/app", "main;parse;read;!6");

	scene_alloc(scene, process, one, parse, 1000, 1);
	tally(scene, process, one, parse, CS_TALLY_CPU, 300 * MS, 30);
	tally(scene, process, two, read, CS_TALLY_CPU, 100 * MS, 10);
	tally(scene, process, two, read, CS_TALLY_DELAY, 7 * MS, 1);
	struct cs_snapshot *snapshot = scene_take(scene);

	const struct cs_rollup *sum =
		scene_sum(scene, snapshot, (struct cs_rollup_options){.metric = CS_METRIC_CPU});
	assert_int_equal(sum->total, 400 * MS);
	assert_int_equal(sum->count, 2);
	assert_int_equal(sum->entries[0].value, 300 * MS);
	assert_int_equal(sum->entries[0].samples, 30);
	/* 40 samples: a fifth to a half off is possible, a tenth is likely. */
	assert_true(sum->sampled);
	assert_true(sum->low > 250 * (double)MS && sum->low < 350 * (double)MS);
	assert_true(sum->high > 450 * (double)MS && sum->high < 600 * (double)MS);

	sum = scene_sum(scene, snapshot,
	                (struct cs_rollup_options){.metric = CS_METRIC_CPU, .by = CS_BY_THREAD});
	assert_int_equal(scene_entry(sum, "two (44)")->value, 100 * MS);
	/* In the kernel, for read: it is read's own time. */
	sum = scene_sum(scene, snapshot,
	                (struct cs_rollup_options){.metric = CS_METRIC_CPU, .by = CS_BY_FUNCTION});
	assert_int_equal(scene_entry(sum, "read")->value, 100 * MS);
	assert_int_equal(scene_entry(sum, "parse")->value, 300 * MS);
	assert_int_equal(scene_entry(sum, "parse")->cumulative, 400 * MS);
	sum = scene_sum(scene, snapshot, (struct cs_rollup_options){.metric = CS_METRIC_DELAY});
	assert_int_equal(sum->total, 7 * MS);
	assert_false(sum->sampled);
	const char *folded = scene_write(
		scene, &cs_export_folded,
		scene_sum(scene, snapshot, (struct cs_rollup_options){.metric = CS_METRIC_CPU}),
		(struct cs_export_style){0});
	assert_non_null(strstr(folded, "main;parse;read;[kernel] 100000000\n"));
	assert_true(cs_snapshot_holds(snapshot, CS_METRIC_CPU));
	assert_true(cs_snapshot_holds(snapshot, CS_METRIC_INUSE_SPACE));
	assert_false(cs_snapshot_holds(snapshot, CS_METRIC_WALL));
}

/* Time by the labels of who used it, and by where those were created. */
static void time_is_summed_by_label_and_spawn(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "/bin/app", 42, 0);
	struct cs_tally key = {
		.process = process,
		.node = scene_stack(scene, "/bin/app", "main;parse"),
		.spawn = scene_stack(scene, "/bin/app", "main;start"),
		.label = cs_model_text(scene->model, "user=1\nkind=a"),
		.kind = CS_TALLY_CPU,
	};

	cs_model_tally_add(scene->model, cs_model_tally(scene->model, &key), 300 * MS, 30);
	key.node = scene_stack(scene, "/bin/app", "main;write");
	cs_model_tally_add(scene->model, cs_model_tally(scene->model, &key), 50 * MS, 5);
	tally(scene, process, 0, key.node, CS_TALLY_CPU, 7 * MS, 1);
	struct cs_snapshot *snapshot = scene_take(scene);
	const struct cs_rollup *sum =
		scene_sum(scene, snapshot,
	                  (struct cs_rollup_options){.metric = CS_METRIC_CPU, .by = CS_BY_LABEL});

	assert_int_equal(scene_entry(sum, "user=1,kind=a")->value, 350 * MS);
	assert_int_equal(scene_entry(sum, "[no label]")->value, 7 * MS);
	sum = scene_sum(scene, snapshot,
	                (struct cs_rollup_options){.metric = CS_METRIC_CPU, .by = CS_BY_SPAWN});
	assert_int_equal(sum->count, 2);
	assert_int_equal(scene_entry(sum, "start")->value, 350 * MS);
	assert_string_equal(scene_entry(sum, "start")->stack->caller->call->function, "main");
}

/* Live coroutines by where they are; the runtime's own and the dead are not counted. */
static void coroutines_are_counted_where_they_are(void **state)
{
	static const uint16_t flags[] = {0, 0, 0, CS_COROUTINE_SYSTEM, 0};
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "/bin/app", 42, 0);
	uint32_t runtime = cs_model_runtime(scene->model, process, "go", "go1.26.4");
	uint32_t send = scene_stack(scene, "/bin/app", "main;send");
	uint32_t receive = scene_stack(scene, "/bin/app", "main;receive");

	for (uint32_t i = 0; i < 5; i++) {
		uint32_t id = cs_model_coroutine(scene->model, process, runtime, i + 1);
		struct cs_coroutine *coroutine = cs_model_coroutine_at(scene->model, id);

		coroutine->stack = i < 2 ? send : receive;
		coroutine->flags = flags[i];
		coroutine->stack_low = 0x10000;
		coroutine->stack_high = 0x10800;
		if (i == 4)
			cs_model_coroutine_end(scene->model, id, 5);
	}
	struct cs_snapshot *snapshot = scene_take(scene);
	const struct cs_rollup *sum = scene_sum(
		scene, snapshot, (struct cs_rollup_options){.metric = CS_METRIC_COROUTINES});

	assert_int_equal(sum->total, 3);
	assert_int_equal(sum->count, 2);
	assert_string_equal(sum->entries[0].stack->call->function, "send");
	assert_int_equal(sum->entries[0].value, 2);
	sum = scene_sum(scene, snapshot,
	                (struct cs_rollup_options){.metric = CS_METRIC_STACK_SPACE});
	assert_int_equal(sum->total, 3 * 0x800);
}

/* A sum that grows has a difference between two times. */
static void what_ran_since_is_a_difference(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "/bin/app", 42, 0);
	uint32_t parse = scene_stack(scene, "/bin/app", "main;parse");

	tally(scene, process, 0, parse, CS_TALLY_CPU, 300 * MS, 30);
	struct cs_snapshot *before = scene_take(scene);
	tally(scene, process, 0, parse, CS_TALLY_CPU, 50 * MS, 5);
	struct cs_snapshot *after = scene_take(scene);
	const struct cs_rollup *sum = scene_sum(scene, after,
	                                        (struct cs_rollup_options){.metric = CS_METRIC_CPU,
	                                                                   .base = before,
	                                                                   .since_base = true});

	assert_int_equal(sum->total, 50 * MS);
	assert_int_equal(sum->samples, 5);
	sum = scene_sum(scene, after,
	                (struct cs_rollup_options){.metric = CS_METRIC_CPU, .base = before});
	assert_int_equal(sum->entries[0].delta, 50 * MS);
}

/* By coroutine: each one's own, and what is left is of nobody; the total stays the same. */
static void a_heap_is_summed_by_coroutine_to_the_same_total(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "/bin/app", 42, 1);
	uint32_t thread = scene_thread(scene, process, "one", 43);
	uint32_t parse = scene_stack(scene, "/bin/app", "main;parse");
	uint32_t runtime = cs_model_runtime(scene->model, process, "go", NULL);
	uint32_t first = cs_model_coroutine(scene->model, process, runtime, 7);
	uint32_t second = cs_model_coroutine(scene->model, process, runtime, 8);

	scene_alloc(scene, process, thread, parse, 100, 10);
	cs_model_coroutine_alloc(scene->model, first, 600, 6 * CS_OBJECT, 0, 0);
	cs_model_coroutine_alloc(scene->model, second, 100, CS_OBJECT, 0, 0);
	cs_model_coroutine_set_name(scene->model, second, "worker");
	struct cs_snapshot *snapshot = scene_take(scene);

	const struct cs_rollup *sum = scene_sum(
		scene, snapshot,
		(struct cs_rollup_options){.metric = CS_METRIC_INUSE_SPACE, .by = CS_BY_COROUTINE});
	assert_int_equal(sum->total, 1000);
	assert_int_equal(sum->objects, 10);
	assert_int_equal(sum->count, 3);
	assert_int_equal(scene_entry(sum, "go/7")->value, 600);
	assert_int_equal(scene_entry(sum, "go/7")->objects, 6);
	assert_int_equal(scene_entry(sum, "go/8 worker")->value, 100);
	assert_int_equal(scene_entry(sum, "[no coroutine]")->value, 300);
	sum = scene_sum(scene, snapshot,
	                (struct cs_rollup_options){.metric = CS_METRIC_COROUTINES,
	                                           .by = CS_BY_COROUTINE});
	assert_int_equal(sum->total, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cpu_time_is_summed_as_the_heap_is),
		TEST(time_is_summed_by_label_and_spawn),
		TEST(coroutines_are_counted_where_they_are),
		TEST(what_ran_since_is_a_difference),
		TEST(a_heap_is_summed_by_coroutine_to_the_same_total),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
