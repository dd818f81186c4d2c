/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that read a trace, as a shell calls them, on the trace of scene.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"
#include "unit/profiler/command/scene.h"

/* ---- asking ---- */

static int begin(void **state)
{
	static struct scene scene;

	scene_begin(&scene, true);
	*state = &scene;
	return 0;
}

static int begin_sampled(void **state)
{
	static struct scene scene;

	scene_begin(&scene, false);
	*state = &scene;
	return 0;
}

static int end(void **state)
{
	scene_end(*state);
	return 0;
}

static void expect(struct scene *scene, int status, const char *out, const char *err)
{
	if (scene->status != status || !strstr(scene->out, out) || !strstr(scene->err, err))
		fail_msg("status %d, out: %s\nerr: %s\nwanted: %d, '%s', '%s'", scene->status,
		         scene->out, scene->err, status, out, err);
}

static void expect_run(struct scene *scene, const char *line, int status, const char *out,
                       const char *err)
{
	scene_run(scene, line);
	expect(scene, status, out, err);
}

/* The number behind KEY in the JSON that was written last. */
static long long number(const struct scene *scene, const char *key)
{
	char quoted[64];

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	const char *found = strstr(scene->out, quoted);
	if (!found)
		fail_msg("no %s in: %s", key, scene->out);
	return found ? atoll(found + strlen(quoted)) : -1;
}

static long long total(struct scene *scene, const char *line)
{
	scene_run(scene, line);
	expect(scene, 0, "\"schema\"", "");
	assert_string_equal(scene->err, "");
	return number(scene, "total");
}

/* ---- facts ---- */

static void totals_are_those_of_the_metric(void **state)
{
	assert_int_equal(total(*state, "heap --json %"), 1596);
	assert_int_equal(total(*state, "heap --json -m inuse_objects %"), 18);
	assert_int_equal(total(*state, "heap --json -m alloc_space %"), 4596);
	assert_int_equal(total(*state, "heap --json -m alloc_objects %"), 48);
	assert_int_equal(total(*state, "heap --json -m peak_space %"), 4596);
	assert_int_equal(total(*state, "heap --json -m temporary_objects %"), 0);
}

static void totals_do_not_depend_on_what_they_are_summed_by(void **state)
{
	static const char *const ways[] = {"stack", "function", "module", "thread", "process"};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		char line[64];

		snprintf(line, sizeof(line), "heap --json --by %s %%", ways[i]);
		assert_int_equal(total(*state, line), 1596);
	}
}

static void a_time_is_a_state(void **state)
{
	assert_int_equal(total(*state, "heap --json %@0s"), 0);
	assert_int_equal(total(*state, "heap --json %@1s"), 1000);
	assert_int_equal(total(*state, "heap --json %@2s"), 4500);
	assert_int_equal(total(*state, "heap --json %@-1s"), 4500);
	assert_int_equal(total(*state, "heap --json %@3s"), 1596);
	assert_int_equal(total(*state, "heap --json --to 2s %"), 4500);
	assert_int_equal(total(*state, "heap --json -m alloc_space %@2s"), 4500);
}

/* The other process had nothing yet when the one with the highest peak was there. */
static void the_peak_is_one_moment_for_all(void **state)
{
	assert_int_equal(total(*state, "heap --json --process server %@peak"), 4500);
	assert_int_equal(total(*state, "heap --json --process 200 %@peak"), 0);
	assert_int_equal(total(*state, "heap --json --process 200 -m peak_space %"), 96);
}

static void from_counts_what_came_after(void **state)
{
	assert_int_equal(total(*state, "heap --json -m alloc_space --from 1s %"), 3596);
	assert_int_equal(total(*state, "heap --json -m alloc_space --from 1s --to 2s %"), 3500);
	assert_int_equal(total(*state, "heap --json -m alloc_objects --from 2s %@3s"), 3);
}

static void a_state_has_no_from(void **state)
{
	expect_run(*state, "heap --from 1s %", 2, "", "it is a state, not a sum");
	expect_run(*state, "heap --from 1s --to 2s %", 2, "", "@1s");
	expect_run(*state, "heap -m alloc_space --from 2s --to 1s %", 2, "",
	           "end before it starts");
	expect_run(*state, "heap --to 2s %@1s", 2, "", "two ends");
}

static void wrong_times_are_met_with_the_forms(void **state)
{
	expect_run(*state, "heap %@noon", 2, "", "noon");
	expect_run(*state, "heap %@noon", 2, "", "12.5s");
	expect_run(*state, "heap %@", 2, "", "coroscope: cannot");
	expect_run(*state, "heap --to 1x %", 2, "", "peak");
	expect_run(*state, "diff %@1s %@2q", 2, "", "2q");
}

static void filters_choose(void **state)
{
	assert_int_equal(total(*state, "heap --json --process 200 %"), 96);
	assert_int_equal(total(*state, "heap --json --process server %"), 1500);
	assert_int_equal(total(*state, "heap --json --process server,helper %"), 1596);
	assert_int_equal(total(*state, "heap --json --thread worker %"), 500);
	assert_int_equal(total(*state, "heap --json --thread 100 %"), 1000);
	assert_int_equal(total(*state, "heap --json --focus ^parse$ %"), 1500);
	assert_int_equal(total(*state, "heap --json --focus parse --ignore work %"), 1000);
	assert_int_equal(total(*state, "heap --json --focus nobody %"), 0);
}

static void filters_that_can_match_nothing_are_refused(void **state)
{
	expect_run(*state, "heap --process 7 %", 2, "", "200");
	expect_run(*state, "heap --process nginx %", 2, "", "server");
	expect_run(*state, "heap --thread nobody %", 2, "", "worker");
	expect_run(*state, "fold --focus [ %", 2, "", "[");
}

static void folded_lines_are_stacks_root_first(void **state)
{
	expect_run(*state, "fold %", 0, "main;parse;grow 1000\n", "");
	expect(*state, 0, "work;parse 500\n", "");
	expect(*state, 0, "main;send 96\n", "");
	expect_run(*state, "fold -m inuse_objects --process 200 %", 0, "main;send 3\n", "");
}

static void the_table_is_for_people(void **state)
{
	expect_run(*state, "heap %", 0, "parse", "");
	expect(*state, 0, "send", "");
	expect_run(*state, "heap -n 1 %", 0, "grow", "");
	assert_null(strstr(((struct scene *)*state)->out, "work"));
	expect_run(*state, "heap -n all --by function %", 0, "send", "");
}

static void a_difference_has_both_sides(void **state)
{
	assert_int_equal(total(*state, "diff --json %@1s %"), 1596);
	assert_int_equal(number(*state, "base_total"), 1000);
	assert_int_equal(total(*state, "diff --json %@2s %@3s"), 1596);
	assert_int_equal(number(*state, "base_total"), 4500);
	expect_run(*state, "diff --folded %@2s %", 0, "main;parse;grow 4000 1000\n", "");
	expect_run(*state, "diff --by process %@1s %", 0, "helper", "");
	expect_run(*state, "diff % %", 0, "", "");
}

static void growth_can_be_a_failure(void **state)
{
	expect_run(*state, "diff --fail-on-growth %@1s %", 1, "", "596");
	expect_run(*state, "diff --fail-on-growth=595 %@1s %", 1, "", "595");
	expect_run(*state, "diff --fail-on-growth=596 %@1s %", 0, "", "");
	expect_run(*state, "diff --fail-on-growth %@2s %", 0, "", "");
	expect_run(*state, "diff --fail-on-growth --json -q %@1s %", 1, "base_total", "");
	assert_string_equal(((struct scene *)*state)->err, "");
}

static void formats_exclude_each_other(void **state)
{
	expect_run(*state, "diff --folded --json % %", 2, "", "choose one");
	expect_run(*state, "diff --folded --by thread % %", 2, "", "leave out --by");
}

static void sampling_is_said(void **state)
{
	assert_int_equal(total(*state, "heap --json %"), 1596);
	expect(*state, 0, "\"sampled\": true, \"mean_sample_bytes\": 524288", "");
	expect_run(*state, "heap %", 0, "sampled every 512 KiB", "");
	expect_run(*state, "info %", 0, "sampled, one block for every 512.0 KiB", "");
	assert_null(strstr(((struct scene *)*state)->out, "temporary_objects"));
}

static void sampling_sees_no_temporary_objects(void **state)
{
	expect_run(*state, "heap -m temporary_objects %", 2, "", "its heap was sampled");
	expect_run(*state, "fold -m temporary_objects %", 2, "", "--heap=all");
	expect_run(*state, "diff -m temporary_objects % %", 2, "", "inuse_space");
}

static void info_tells_what_a_trace_holds(void **state)
{
	expect_run(*state, "info %", 0, "server --port 80", "");
	expect(*state, 0, "every allocation", "");
	expect(*state, 0, "Processes: 2, with 3 threads", "");
	expect(*state, 0, "/opt/app/server", "");
	expect(*state, 0, "program ended", "");
	expect_run(*state, "info --json %", 0, "\"program\": \"/opt/app/helper\"", "");
	expect(*state, 0, "\"warning\": null", "");
	expect_run(*state, "info %@1s", 0, "inuse_space        1000 B", "");
}

static void dump_shows_every_kind_of_chunk(void **state)
{
	expect_run(*state, "dump %", 0, "session", "");
	expect_run(*state, "dump %@1s", 2, "", "leave out @1s");
}

static void symbolize_leaves_whole_traces_alone(void **state)
{
	expect_run(*state, "symbolize %", 0, "", "has all its names already");
	expect_run(*state, "symbolize -q %", 0, "", "");
	assert_string_equal(((struct scene *)*state)->err, "");
	expect_run(*state, "symbolize %@1s", 2, "", "as a whole");
	assert_int_equal(total(*state, "heap --json %"), 1596);
}

static void a_cut_trace_is_read_as_far_as_it_goes(void **state)
{
	struct scene *scene = *state;

	scene_cut(scene, 60);
	expect_run(scene, "heap --json %", 0, "\"total\":", "cut short");
	expect(scene, 0, "", "hint: ");
	expect_run(scene, "info %", 0, "MISSING", "");
	expect_run(scene, "info --json %", 0, "\"warning\": \"", "");
	/* Both sides are one file: it is told once. */
	expect_run(scene, "diff % %", 0, "", "cut short");
	assert_null(strstr(strstr(scene->err, "cut short") + 1, "cut short"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(totals_are_those_of_the_metric, begin, end),
		cmocka_unit_test_setup_teardown(totals_do_not_depend_on_what_they_are_summed_by,
	                                        begin, end),
		cmocka_unit_test_setup_teardown(a_time_is_a_state, begin, end),
		cmocka_unit_test_setup_teardown(the_peak_is_one_moment_for_all, begin, end),
		cmocka_unit_test_setup_teardown(from_counts_what_came_after, begin, end),
		cmocka_unit_test_setup_teardown(a_state_has_no_from, begin, end),
		cmocka_unit_test_setup_teardown(wrong_times_are_met_with_the_forms, begin, end),
		cmocka_unit_test_setup_teardown(filters_choose, begin, end),
		cmocka_unit_test_setup_teardown(filters_that_can_match_nothing_are_refused, begin,
	                                        end),
		cmocka_unit_test_setup_teardown(folded_lines_are_stacks_root_first, begin, end),
		cmocka_unit_test_setup_teardown(the_table_is_for_people, begin, end),
		cmocka_unit_test_setup_teardown(a_difference_has_both_sides, begin, end),
		cmocka_unit_test_setup_teardown(growth_can_be_a_failure, begin, end),
		cmocka_unit_test_setup_teardown(formats_exclude_each_other, begin, end),
		cmocka_unit_test_setup_teardown(sampling_is_said, begin_sampled, end),
		cmocka_unit_test_setup_teardown(sampling_sees_no_temporary_objects, begin_sampled,
	                                        end),
		cmocka_unit_test_setup_teardown(info_tells_what_a_trace_holds, begin, end),
		cmocka_unit_test_setup_teardown(dump_shows_every_kind_of_chunk, begin, end),
		cmocka_unit_test_setup_teardown(symbolize_leaves_whole_traces_alone, begin, end),
		cmocka_unit_test_setup_teardown(a_cut_trace_is_read_as_far_as_it_goes, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
