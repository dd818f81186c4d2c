/* SPDX-License-Identifier: Apache-2.0 */
#include "model/rollup.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"
#include "support/unit.h"

/* Whatever it is summed by, the entries are the total, for every metric. */
static void entries_add_up_to_the_total(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	struct cs_snapshot *snapshot = scene_take(scene);
	for (unsigned metric = 0; metric < CS_METRIC_HEAP_COUNT; metric++) {
		double rows = 0;
		for (uint32_t i = 0; i < snapshot->row_count; i++)
			rows += snapshot->rows[i].value[metric];
		for (unsigned by = 0; by < CS_BY_COUNT; by++) {
			const struct cs_rollup *sum =
				scene_sum(scene, snapshot,
			                  (struct cs_rollup_options){.metric = metric, .by = by});
			int64_t total = 0;
			for (uint32_t i = 0; i < sum->count; i++)
				total += sum->entries[i].value;
			assert_int_equal(sum->total, llround(rows));
			assert_int_equal(total, sum->total);
		}
	}
}

static void entries_come_largest_first(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	const struct cs_rollup *sum =
		scene_sum(scene, scene_take(scene), (struct cs_rollup_options){0});
	assert_int_equal(sum->count, 5);
	for (uint32_t i = 1; i < sum->count; i++)
		assert_true(sum->entries[i - 1].value >= sum->entries[i].value);
}

static void stacks_that_look_the_same_are_one(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	const struct cs_rollup *sum =
		scene_sum(scene, scene_take(scene), (struct cs_rollup_options){0});
	const struct cs_entry *grow = &sum->entries[0];
	assert_int_equal(grow->value, 1010);
	assert_int_equal(grow->objects, 2);
	assert_string_equal(grow->stack->call->function, "grow");
	assert_int_equal(grow->stack->call->line, 40);
	assert_string_equal(grow->stack->caller->call->function, "parse");
	assert_string_equal(grow->stack->caller->caller->call->function, "main");
	assert_null(grow->stack->caller->caller->caller);
	assert_int_equal(grow->stack->depth, 3);
}

/* The address of two places would be a guess. */
static void a_call_from_two_places_has_no_address(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	const struct cs_rollup *sum =
		scene_sum(scene, scene_take(scene), (struct cs_rollup_options){0});
	assert_int_equal(sum->entries[0].stack->call->address, 0);
	assert_int_equal(scene_entry(sum, "libz.so.1+0x1f40")->stack->call->address, 0x1f40);
}

static void inlined_calls_are_calls(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	const struct cs_rollup *sum =
		scene_sum(scene, scene_take(scene), (struct cs_rollup_options){0});
	const struct cs_stack *copy = scene_entry(sum, "copy")->stack;
	assert_true(copy->call->inlined);
	assert_string_equal(copy->caller->call->function, "send");
	assert_false(copy->caller->call->inlined);
}

static void a_function_counts_itself_and_once_what_it_calls(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	const struct cs_rollup *sum = scene_sum(scene, scene_take(scene),
	                                        (struct cs_rollup_options){.by = CS_BY_FUNCTION});
	const struct cs_entry *grow = scene_entry(sum, "grow");
	assert_int_equal(grow->value, 1017);
	assert_int_equal(grow->cumulative, 1017);
	/* parse calls itself: its 500 bytes are in it once. */
	const struct cs_entry *parse = scene_entry(sum, "parse");
	assert_int_equal(parse->value, 500);
	assert_int_equal(parse->cumulative, 1517);
	assert_int_equal(scene_entry(sum, "work")->value, 0);
	assert_int_equal(scene_entry(sum, "work")->cumulative, 500);
}

/* main of one program is not main of another. */
static void functions_of_two_programs_stay_apart(void **state)
{
	struct scene *scene = *state;
	unsigned mains = 0;

	scene_of_two_programs(scene);
	const struct cs_rollup *sum = scene_sum(scene, scene_take(scene),
	                                        (struct cs_rollup_options){.by = CS_BY_FUNCTION});
	for (uint32_t i = 0; i < sum->count; i++)
		mains += strcmp(sum->entries[i].label, "main") == 0;
	assert_int_equal(mains, 2);
}

static void modules_threads_and_processes_have_their_sums(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	struct cs_snapshot *snapshot = scene_take(scene);
	const struct cs_rollup *sum =
		scene_sum(scene, snapshot, (struct cs_rollup_options){.by = CS_BY_MODULE});
	assert_int_equal(scene_entry(sum, "/lib/libz.so.1")->value, 64);
	assert_int_equal(scene_entry(sum, "/bin/server")->value, 1517);
	sum = scene_sum(scene, snapshot, (struct cs_rollup_options){.by = CS_BY_THREAD});
	assert_int_equal(scene_entry(sum, "worker-1 (101) of server (100)")->value, 564);
	assert_int_equal(scene_entry(sum, "main (200) of helper (200)")->value, 96);
	sum = scene_sum(scene, snapshot, (struct cs_rollup_options){.by = CS_BY_PROCESS});
	assert_int_equal(scene_entry(sum, "server (100)")->objects, 12);
	assert_int_equal(sum->objects, 15);
}

/* A PID that comes back is another process. */
static void a_recycled_pid_is_two_entries(void **state)
{
	struct scene *scene = *state;
	uint32_t node = scene_stack(scene, "/bin/a", "main");

	for (int i = 0; i < 2; i++) {
		uint32_t process = scene_process(scene, "a", 7, 1);
		scene_alloc(scene, process, scene_thread(scene, process, "a", 7), node, 8, 1);
	}
	const struct cs_rollup *sum = scene_sum(scene, scene_take(scene),
	                                        (struct cs_rollup_options){.by = CS_BY_PROCESS});
	assert_int_equal(sum->count, 2);
}

static void blocks_without_bytes_are_objects(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "a", 7, 1);
	uint32_t thread = scene_thread(scene, process, "a", 7);

	scene_alloc(scene, process, thread, scene_stack(scene, "/bin/a", "main"), 0, 3);
	const struct cs_rollup *sum =
		scene_sum(scene, scene_take(scene), (struct cs_rollup_options){0});
	assert_int_equal(sum->total, 0);
	assert_int_equal(sum->objects, 3);
	assert_int_equal(scene_entry(sum, "main")->objects, 3);
}

static void marks_are_named_and_are_nobodys_self(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "a", 7, 1);
	uint32_t thread = scene_thread(scene, process, "a", 7);

	scene_alloc(scene, process, thread, scene_stack(scene, "/bin/a", "!1;main;leaf"), 8, 1);
	scene_alloc(scene, process, thread, scene_stack(scene, "/bin/a", "!4"), 4, 1);
	scene_alloc(scene, process, thread, 0, 2, 1);
	struct cs_snapshot *snapshot = scene_take(scene);
	const struct cs_rollup *sum =
		scene_sum(scene, snapshot, (struct cs_rollup_options){.by = CS_BY_FUNCTION});
	assert_int_equal(scene_entry(sum, "leaf")->value, 8);
	assert_int_equal(scene_entry(sum, "[in a signal handler]")->value, 4);
	assert_int_equal(scene_entry(sum, "[no stack]")->value, 2);
	sum = scene_sum(scene, snapshot, (struct cs_rollup_options){0});
	const struct cs_stack *root = scene_entry(sum, "leaf")->stack->caller->caller;
	assert_string_equal(root->call->function, "[truncated]");
	assert_true(root->call->mark);
}

/* Estimates are fractions: rounding must neither lose nor invent a byte. */
static void fractions_are_rounded_so_that_they_add_up(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "a", 7, 1000);
	uint32_t thread = scene_thread(scene, process, "a", 7);
	char stack[32];

	for (int i = 0; i < 100; i++) {
		snprintf(stack, sizeof(stack), "main;f%d", i);
		scene_alloc(scene, process, thread, scene_stack(scene, "/bin/a", stack), 1, 1);
	}
	struct cs_snapshot *snapshot = scene_take(scene);
	for (uint32_t i = 0; i < snapshot->row_count; i++) {
		snapshot->rows[i].value[CS_METRIC_INUSE_SPACE] = i % 7 + i / 100.0 + 1.0 / 3;
		snapshot->rows[i].variance[CS_METRIC_INUSE_SPACE] = 2;
	}
	for (unsigned by = 0; by < CS_BY_COUNT; by++) {
		const struct cs_rollup *sum =
			scene_sum(scene, snapshot, (struct cs_rollup_options){.by = by});
		int64_t total = 0;
		for (uint32_t i = 0; i < sum->count; i++)
			total += sum->entries[i].value;
		assert_int_equal(total, 378); /* 295 + 49.5 + 33.33 */
		assert_int_equal(sum->total, 378);
		for (uint32_t i = 1; i < sum->count; i++)
			assert_true(sum->entries[i - 1].value >= sum->entries[i].value);
		assert_true(sum->variance > 199.9 && sum->variance < 200.1);
		assert_true(sum->low < 378 && sum->high > 378);
	}
}

static void a_filter_keeps_the_processes_and_threads_asked_for(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	struct cs_snapshot *snapshot = scene_take(scene);
	static const struct {
		struct cs_filter_options options;
		int64_t total;
	} cases[] = {
		{{.process = "server"}, 1581},
		{{.process = "200"}, 96},
		{{.process = "100,helper"}, 1677},
		{{.process = "/usr/bin/helper"}, 96},
		{{.thread = "worker-*"}, 564},
		{{.thread = "100"}, 1017},
		{{.thread = "main"}, 1113},
		{{.thread = "main", .process = "helper"}, 96},
		{{.focus = "^parse$"}, 1517},
		{{.ignore = "^parse$"}, 160},
		{{.focus = "w", .ignore = "z"}, 1517},
		{{.focus = "nothing"}, 0},
		{{.focus = "^copy$"}, 96},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cs_filter *filter = cs_filter_new(&cases[i].options, NULL);
		for (unsigned by = 0; by < CS_BY_COUNT; by++) {
			struct cs_rollup_options options = {.by = by, .filter = filter};
			/* What a coroutine keeps of itself knows no thread and no stack. */
			if (by == CS_BY_COROUTINE && !cases[i].options.process)
				continue;
			assert_int_equal(scene_sum(scene, snapshot, options)->total,
			                 cases[i].total);
		}
		cs_filter_free(filter);
	}
}

static void a_wrong_pattern_says_what_is_wrong(void **state)
{
	struct cs_diag diag = {0};

	(void)state;
	struct cs_filter_options options = {.focus = "a(b"};
	assert_null(cs_filter_new(&options, &diag));
	assert_int_equal(diag.error, -EINVAL);
	assert_non_null(strstr(diag.text, "--focus 'a(b'"));
	assert_non_null(strstr(diag.text, "nmatched"));
	assert_true(diag.hint[0] != 0);
}

static void an_unknown_process_lists_those_there_are(void **state)
{
	struct scene *scene = *state;
	struct cs_diag diag = {0};
	struct cs_filter_options options = {.process = "server,nobody"};

	scene_of_two_programs(scene);
	struct cs_filter *filter = cs_filter_new(&options, &diag);
	assert_int_equal(cs_filter_check(filter, scene_take(scene), &diag), -ENOENT);
	assert_non_null(strstr(diag.text, "'nobody'"));
	assert_non_null(strstr(diag.text, "server (100), helper (200)"));
	cs_filter_free(filter);
}

static void two_times_are_compared_by_line(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "a", 7, 1);
	uint32_t thread = scene_thread(scene, process, "a", 7);
	uint32_t grows = scene_stack(scene, "/bin/a", "main:1;grow:2");
	uint32_t shrinks = scene_stack(scene, "/bin/a", "main:1;grow:3");
	uint32_t stays = scene_stack(scene, "/bin/a", "main:1;stay:1");

	scene_alloc(scene, process, thread, shrinks, 10, 10);
	scene_alloc(scene, process, thread, stays, 5, 1);
	struct cs_snapshot *before = scene_take(scene);
	scene_alloc(scene, process, thread, grows, 70, 1);
	scene_release(scene, process, thread, shrinks, 10, 9);
	const struct cs_rollup *diff =
		scene_sum(scene, scene_take(scene), (struct cs_rollup_options){.base = before});
	assert_int_equal(diff->base_total, 105);
	assert_int_equal(diff->total, 85);
	assert_int_equal(diff->count, 3);
	assert_int_equal(diff->entries[0].delta, -90);
	assert_int_equal(diff->entries[0].base, 100);
	assert_int_equal(diff->entries[0].value, 10);
	assert_int_equal(diff->entries[1].delta, 70);
	assert_int_equal(diff->entries[2].delta, 0);
}

static void a_time_compared_with_itself_has_not_changed(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	struct cs_snapshot *now = scene_take(scene);
	const struct cs_rollup *diff =
		scene_sum(scene, now, (struct cs_rollup_options){.base = now});
	assert_int_equal(diff->total, 1677);
	assert_int_equal(diff->base_total, 1677);
	for (uint32_t i = 0; i < diff->count; i++)
		assert_int_equal(diff->entries[i].delta, 0);
}

/* Two recordings, of two builds: modules elsewhere, other offsets, other lines, other ids. */
static void two_traces_are_compared_by_function(void **state)
{
	struct scene *scene = *state;
	struct scene old;

	scene_begin(&old);
	old.offset = 0x777;
	uint32_t process = scene_process(&old, "a", 70, 1);
	uint32_t thread = scene_thread(&old, process, "w", 71);
	scene_alloc(&old, process, thread, scene_stack(&old, "/old/a", "gone"), 7, 1);
	scene_alloc(&old, process, thread, scene_stack(&old, "/old/a", "main:1;grow:2"), 10, 1);
	process = scene_process(scene, "a", 7, 1);
	thread = scene_thread(scene, process, "w", 8);
	scene_alloc(scene, process, thread, scene_stack(scene, "/new/a", "main:5;grow:6"), 30, 1);
	scene_alloc(scene, process, thread, scene_stack(scene, "/new/a", "main:5;grow:9"), 12, 1);

	struct cs_snapshot *before = scene_take(&old);
	struct cs_snapshot *now = scene_take(scene);
	for (unsigned by = 0; by < CS_BY_COUNT; by++) {
		const struct cs_rollup *diff =
			scene_sum(scene, now, (struct cs_rollup_options){.by = by, .base = before});
		assert_int_equal(diff->base_total, 17);
		assert_int_equal(diff->total, 42);
		if (by <= CS_BY_FUNCTION) {
			assert_int_equal(scene_entry(diff, "grow")->base, 10);
			assert_int_equal(scene_entry(diff, "grow")->delta, 32);
			assert_int_equal(scene_entry(diff, "gone")->delta, -7);
		} else {
			assert_int_equal(diff->count, 1);
			assert_int_equal(diff->entries[0].delta, 25);
		}
	}
	scene_end(&old);
}

static void what_came_since_is_a_difference(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "a", 7, 1);
	uint32_t thread = scene_thread(scene, process, "a", 7);
	uint32_t one = scene_stack(scene, "/bin/a", "main:1;one:2");
	uint32_t two = scene_stack(scene, "/bin/a", "main:1;two:3");

	scene_alloc(scene, process, thread, one, 10, 10);
	scene_alloc(scene, process, thread, two, 4, 1);
	struct cs_snapshot *from = scene_take(scene);
	scene_alloc(scene, process, thread, two, 4, 2);
	struct cs_rollup_options options = {
		.metric = CS_METRIC_ALLOC_SPACE, .base = from, .since_base = true};
	const struct cs_rollup *sum = scene_sum(scene, scene_take(scene), options);
	assert_int_equal(sum->total, 8);
	assert_int_equal(sum->objects, 2);
	assert_int_equal(sum->count, 1);
	assert_null(sum->base);
	assert_string_equal(sum->entries[0].label, "two");
}

static void losses_make_sums_at_least_and_heaps_about(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	struct cs_process *helper = cs_model_process_at(scene->model, 2);
	helper->heap_inexact = true;
	helper->lost = 5;
	struct cs_snapshot *snapshot = scene_take(scene);
	assert_int_equal(scene_sum(scene, snapshot, (struct cs_rollup_options){0})->certainty,
	                 CS_ABOUT);
	const struct cs_rollup *sum = scene_sum(
		scene, snapshot, (struct cs_rollup_options){.metric = CS_METRIC_ALLOC_SPACE});
	assert_int_equal(sum->certainty, CS_AT_LEAST);
	assert_int_equal(sum->lost, 5);
	/* Of a process that lost nothing the figures are exact. */
	struct cs_filter_options options = {.process = "server"};
	struct cs_filter *filter = cs_filter_new(&options, NULL);
	sum = scene_sum(scene, snapshot, (struct cs_rollup_options){.filter = filter});
	assert_int_equal(sum->certainty, CS_CERTAIN);
	assert_int_equal(sum->lost, 0);
	cs_filter_free(filter);
}

static void every_name_finds_its_way_of_summing(void **state)
{
	(void)state;
	for (unsigned by = 0; by < CS_BY_COUNT; by++)
		assert_int_equal(cs_by_by_name(cs_by_names[by]), by);
	assert_int_equal(cs_by_by_name("nonsense"), CS_BY_COUNT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(entries_add_up_to_the_total),
		TEST(entries_come_largest_first),
		TEST(stacks_that_look_the_same_are_one),
		TEST(a_call_from_two_places_has_no_address),
		TEST(inlined_calls_are_calls),
		TEST(a_function_counts_itself_and_once_what_it_calls),
		TEST(functions_of_two_programs_stay_apart),
		TEST(modules_threads_and_processes_have_their_sums),
		TEST(a_recycled_pid_is_two_entries),
		TEST(blocks_without_bytes_are_objects),
		TEST(marks_are_named_and_are_nobodys_self),
		TEST(fractions_are_rounded_so_that_they_add_up),
		TEST(a_filter_keeps_the_processes_and_threads_asked_for),
		TEST(a_wrong_pattern_says_what_is_wrong),
		TEST(an_unknown_process_lists_those_there_are),
		TEST(two_times_are_compared_by_line),
		TEST(a_time_compared_with_itself_has_not_changed),
		TEST(two_traces_are_compared_by_function),
		TEST(what_came_since_is_a_difference),
		TEST(losses_make_sums_at_least_and_heaps_about),
		TEST(every_name_finds_its_way_of_summing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
