/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scene.h"
#include "support/unit.h"

/* The sum of the numbers that end the lines. */
static int64_t sum_of_lines(const char *text)
{
	int64_t sum = 0;

	while (*text) {
		const char *line_end = strchr(text, '\n');
		const char *space = memrchr(text, ' ', (size_t)(line_end - text));
		sum += strtoll(space + 1, NULL, 10);
		text = line_end + 1;
	}
	return sum;
}

static void folded_lines_add_up_to_the_total(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	struct cs_snapshot *snapshot = scene_take(scene);
	for (unsigned metric = 0; metric < CS_METRIC_HEAP_COUNT; metric++) {
		for (int roots = 0; roots < 2; roots++) {
			struct cs_rollup_options options = {.metric = metric,
			                                    .process_root = roots};
			const struct cs_rollup *sum = scene_sum(scene, snapshot, options);
			const char *text = scene_write(scene, &cs_export_folded, sum,
			                               (struct cs_export_style){0});
			assert_int_equal(sum_of_lines(text), sum->total);
		}
	}
}

/* Nothing was lost, and yet most of what such a program allocates is not there. */
static void that_gccgos_own_heap_is_missing_is_said(void **state)
{
	struct scene *scene = *state;
	struct cs_rollup_options options = {.metric = CS_METRIC_INUSE_SPACE};
	const struct cs_rollup *sum;

	scene_of_two_programs(scene);
	sum = scene_sum(scene, scene_take(scene), options);
	assert_null(strstr(scene_write(scene, &cs_export_text, sum, (struct cs_export_style){0}),
	                   "gccgo"));
	assert_int_not_equal(cs_model_runtime(scene->model, 1, "gccgo", NULL), 0);
	sum = scene_sum(scene, scene_take(scene), options);
	assert_non_null(
		strstr(scene_write(scene, &cs_export_text, sum, (struct cs_export_style){0}),
	               "note: of a gccgo program only what its C code allocates is here"));
	options.metric = CS_METRIC_COROUTINES;
	sum = scene_sum(scene, scene_take(scene), options);
	assert_null(strstr(scene_write(scene, &cs_export_text, sum, (struct cs_export_style){0}),
	                   "gccgo"));
}

static void folded_stacks_start_at_the_root(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	const struct cs_rollup *sum = scene_sum(scene, scene_take(scene),
	                                        (struct cs_rollup_options){.process_root = true});
	assert_string_equal(scene_write(scene, &cs_export_folded, sum, (struct cs_export_style){0}),
	                    "server;main;parse;grow 1017\n"
	                    "server;work;parse;parse 500\n"
	                    "helper;main;send;copy 96\n"
	                    "server;work;libz.so.1+0x1f40 64\n");
}

/* Those from other lines of the same functions are one, and take the place that they have then. */
static void each_folded_stack_is_one_line(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "a", 7, 1);
	uint32_t thread = scene_thread(scene, process, "a", 7);
	uint32_t module = cs_model_module(scene->model, "/bin/a", NULL, 0);

	for (uint32_t line = 1; line <= 3; line++) {
		struct cs_name name = {.function = line < 3 ? "leaf" : "other", .line = line};
		uint32_t frame = cs_model_frame(scene->model, module, line);

		cs_symbols_set(scene->symbols, frame, &name, 1);
		scene_alloc(scene, process, thread, cs_model_node(scene->model, 0, frame),
		            line < 3 ? 4 : 5, 1);
	}
	const struct cs_rollup *sum =
		scene_sum(scene, scene_take(scene), (struct cs_rollup_options){0});
	assert_int_equal(sum->count, 3);
	assert_string_equal(scene_write(scene, &cs_export_folded, sum, (struct cs_export_style){0}),
	                    "leaf 8\nother 5\n");
	assert_string_equal(scene_write(scene, &cs_export_folded, sum,
	                                (struct cs_export_style){.limit = 1}),
	                    "leaf 8\n");
}

static void one_program_is_no_root(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "a", 7, 1);
	uint32_t thread = scene_thread(scene, process, "a", 7);

	scene_alloc(scene, process, thread, scene_stack(scene, "/bin/a", "main;leaf"), 5, 1);
	const struct cs_rollup *sum = scene_sum(scene, scene_take(scene),
	                                        (struct cs_rollup_options){.process_root = true});
	assert_string_equal(scene_write(scene, &cs_export_folded, sum, (struct cs_export_style){0}),
	                    "main;leaf 5\n");
}

/* A program chooses its names: they must not break lines, frames or terminals. */
static void folded_names_keep_to_their_frame(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "a", 7, 1);
	uint32_t thread = scene_thread(scene, process, "a", 7);
	uint32_t module = cs_model_module(scene->model, "/bin/a", NULL, 0);
	uint32_t frame = cs_model_frame(scene->model, module, 1);
	struct cs_name name = {.function = "a;b\nc\033[2Jd\xff"};

	cs_symbols_set(scene->symbols, frame, &name, 1);
	scene_alloc(scene, process, thread, cs_model_node(scene->model, 0, frame), 5, 1);
	const struct cs_rollup *sum =
		scene_sum(scene, scene_take(scene), (struct cs_rollup_options){0});
	assert_string_equal(scene_write(scene, &cs_export_folded, sum, (struct cs_export_style){0}),
	                    "a_b_c_[2Jd\xef\xbf\xbd 5\n");
	const char *text = scene_write(scene, &cs_export_text, sum, (struct cs_export_style){0});
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "a;b?c?[2Jd\xef\xbf\xbd"));
}

static void a_comparison_folds_to_two_values(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "a", 7, 1);
	uint32_t thread = scene_thread(scene, process, "a", 7);
	uint32_t node = scene_stack(scene, "/bin/a", "main;leaf");

	scene_alloc(scene, process, thread, node, 5, 1);
	struct cs_snapshot *before = scene_take(scene);
	scene_alloc(scene, process, thread, node, 6, 1);
	const struct cs_rollup *diff =
		scene_sum(scene, scene_take(scene), (struct cs_rollup_options){.base = before});
	assert_string_equal(scene_write(scene, &cs_export_folded, diff,
	                                (struct cs_export_style){0}),
	                    "main;leaf 5 11\n");
	const char *text = scene_write(scene, &cs_export_text, diff, (struct cs_export_style){0});
	assert_non_null(strstr(text, "total 11 B in use, before 5 B: +6 B (+120.0 %)"));
}

/* Another program's opinion: python3 reads TEXT and evaluates CHECK over it as `j`. */
static void check_json(const char *text, const char *check)
{
	char path[] = "/tmp/coroscope-json-XXXXXX";
	char command[1024];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	snprintf(
		command, sizeof(command),
		"python3 -c 'import json, sys; j = json.load(open(sys.argv[1], encoding=\"utf-8\")); "
		"sys.exit(0 if (%s) else 1)' %s",
		check, path);
	int status = system(command); /* NOLINT: fixed text */
	unlink(path);
	if (status != 0)
		fail_msg("not so: %s\n%s", check, text);
}

static void json_has_the_keys_that_are_promised(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	struct cs_snapshot *snapshot = scene_take(scene);
	/* Each metric, each way of summing; not each pair, because python3 takes its time. */
	for (unsigned i = 0; i < CS_METRIC_HEAP_COUNT; i++) {
		struct cs_rollup_options options = {.metric = i, .by = i % CS_BY_COUNT};
		const struct cs_rollup *one = scene_sum(scene, snapshot, options);
		const char *json =
			scene_write(scene, &cs_export_json, one, (struct cs_export_style){0});
		check_json(json, "j[\"schema\"] == 1 and j[\"sampled\"] is False and "
		                 "sum(e[\"value\"] for e in j[\"entries\"]) == j[\"total\"] and "
		                 "all(isinstance(e[\"stack\"], list) for e in j[\"entries\"])");
	}
	const struct cs_rollup *sum = scene_sum(scene, snapshot, (struct cs_rollup_options){0});
	const char *text = scene_write(scene, &cs_export_json, sum, (struct cs_export_style){0});
	check_json(text, "j[\"metric\"] == \"inuse_space\" and j[\"unit\"] == \"bytes\" and "
	                 "j[\"entries\"][0][\"stack\"][0] == {\"function\": \"grow\", "
	                 "\"file\": \"/src/grow.c\", \"line\": 40, \"module\": \"/bin/server\", "
	                 "\"address\": None, \"inlined\": False}");
	check_json(text, "[f[\"function\"] for f in j[\"entries\"][0][\"stack\"]] == "
	                 "[\"grow\", \"parse\", \"main\"] and j[\"mean_sample_bytes\"] is None");
}

static void json_of_a_comparison_has_both_sides(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	struct cs_snapshot *before = scene_take(scene);
	scene_alloc(scene, 1, 1, scene_stack(scene, "/bin/server", "main;new"), 9, 1);
	const struct cs_rollup *diff =
		scene_sum(scene, scene_take(scene), (struct cs_rollup_options){.base = before});
	check_json(scene_write(scene, &cs_export_json, diff, (struct cs_export_style){0}),
	           "j[\"base_total\"] == 1677 and j[\"total\"] == 1686 and "
	           "j[\"entries\"][0][\"delta\"] == 9 and j[\"entries\"][0][\"base\"] == 0 and "
	           "all(e[\"value\"] - e[\"base\"] == e[\"delta\"] for e in j[\"entries\"])");
}

static void json_keeps_odd_names_valid(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "\xff\"\\\n", 7, 1);
	uint32_t thread = scene_thread(scene, process, "\033]0;x", 7);

	scene_alloc(scene, process, thread, scene_stack(scene, "/\xc3\x28\xe2\x80\xae", "a\tb\x01"),
	            5, 1);
	struct cs_snapshot *snapshot = scene_take(scene);
	for (unsigned by = 0; by < CS_BY_COUNT; by++) {
		const struct cs_rollup *sum =
			scene_sum(scene, snapshot, (struct cs_rollup_options){.by = by});
		check_json(scene_write(scene, &cs_export_json, sum, (struct cs_export_style){0}),
		           "j[\"total\"] == 5 and len(j[\"entries\"]) == 1");
	}
}

static void a_limit_leaves_the_total_and_says_what_is_left_out(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	const struct cs_rollup *sum =
		scene_sum(scene, scene_take(scene), (struct cs_rollup_options){0});
	struct cs_export_style style = {.limit = 2};
	check_json(scene_write(scene, &cs_export_json, sum, style),
	           "len(j[\"entries\"]) == 2 and j[\"total\"] == 1677");
	const char *text = scene_write(scene, &cs_export_text, sum, style);
	assert_non_null(strstr(text, "total 1.6 KiB in use in 15 objects"));
	assert_non_null(strstr(text, "       167 B   10.0 %"));
	assert_non_null(strstr(text, "in 3 more\n"));
}

static void text_shows_stacks_with_their_places(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	const struct cs_rollup *sum =
		scene_sum(scene, scene_take(scene), (struct cs_rollup_options){0});
	struct cs_export_style style = {.limit = 3};
	assert_string_equal(scene_write(scene, &cs_export_text, sum, style),
	                    "total 1.6 KiB in use in 15 objects\n"
	                    "\n"
	                    "       VALUE                OBJECTS  STACK\n"
	                    "      1010 B   60.2 %             2  grow  grow.c:40\n"
	                    "                                       parse  parse.c:12\n"
	                    "                                       main  main.c:3\n"
	                    "       500 B   29.8 %             2  parse  parse.c:14\n"
	                    "                                       parse  parse.c:12\n"
	                    "                                       work  [server]\n"
	                    "        96 B    5.7 %             3  copy  [helper] (inlined)\n"
	                    "                                       send  [helper]\n"
	                    "                                       main  [helper]\n"
	                    "        71 B    4.2 %                in 2 more\n");
}

static void text_fits_the_terminal(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "a", 7, 1);
	uint32_t thread = scene_thread(scene, process, "a", 7);
	char name[200];

	memset(name, 'x', sizeof(name) - 1);
	memcpy(name + 190, ":123456", 8);
	scene_alloc(scene, process, thread, scene_stack(scene, "/bin/a", name), 5, 1);
	struct cs_snapshot *snapshot = scene_take(scene);
	for (unsigned by = 0; by < CS_BY_COUNT; by++) {
		const struct cs_rollup *sum =
			scene_sum(scene, snapshot, (struct cs_rollup_options){.by = by});
		for (uint32_t width = 84; width < 120; width++) {
			char *text = strdup(scene_write(scene, &cs_export_text, sum,
			                                (struct cs_export_style){.width = width}));
			char *rest = text;
			for (char *line; (line = strsep(&rest, "\n"));) {
				unsigned columns = 0;
				for (const char *c = line; *c; c++)
					columns += (*c & 0xc0) != 0x80;
				assert_true(columns <= width);
			}
			free(text);
		}
	}
}

static void colour_is_only_where_it_is_welcome(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	const struct cs_rollup *sum =
		scene_sum(scene, scene_take(scene), (struct cs_rollup_options){0});
	assert_null(strchr(scene_write(scene, &cs_export_text, sum, (struct cs_export_style){0}),
	                   '\033'));
	assert_non_null(strchr(scene_write(scene, &cs_export_text, sum,
	                                   (struct cs_export_style){.colour = true}),
	                       '\033'));
}

static void an_estimate_says_how_sure_it_is(void **state)
{
	struct scene *scene = *state;
	uint32_t process = scene_process(scene, "a", 7, 512 << 10);
	uint32_t thread = scene_thread(scene, process, "a", 7);
	uint32_t cell =
		cs_model_cell(scene->model, process, thread, scene_stack(scene, "/a", "main"));

	cs_model_heap_alloc(scene->model, cell, 64 << 20, 128 * CS_OBJECT, 3.5e13, 1e6);
	cs_model_heap_peak(scene->model, process, 1);
	struct cs_snapshot *snapshot = scene_take(scene);
	const struct cs_rollup *sum = scene_sum(scene, snapshot, (struct cs_rollup_options){0});
	const char *text = scene_write(scene, &cs_export_text, sum, (struct cs_export_style){0});
	assert_non_null(strstr(text, "total 64.0 MiB in use in 128 objects (95 %: "));
	assert_non_null(strstr(text, " MiB), sampled every 512 KiB on average\n"));
	check_json(scene_write(scene, &cs_export_json, sum, (struct cs_export_style){0}),
	           "j[\"sampled\"] and j[\"mean_sample_bytes\"] == 524288 and "
	           "j[\"total_low\"] < j[\"total\"] < j[\"total_high\"] and not j[\"biased\"]");
	sum = scene_sum(scene, snapshot,
	                (struct cs_rollup_options){.metric = CS_METRIC_PEAK_SPACE});
	text = scene_write(scene, &cs_export_text, sum, (struct cs_export_style){0});
	assert_non_null(strstr(text, "biased"));
}

static void losses_are_told(void **state)
{
	struct scene *scene = *state;

	scene_of_two_programs(scene);
	cs_model_process_at(scene->model, 1)->heap_inexact = true;
	cs_model_process_at(scene->model, 1)->lost = 12345;
	struct cs_snapshot *snapshot = scene_take(scene);
	const struct cs_rollup *sum = scene_sum(scene, snapshot, (struct cs_rollup_options){0});
	const char *text = scene_write(scene, &cs_export_text, sum, (struct cs_export_style){0});
	assert_non_null(strstr(text, "total about 1.6 KiB in use"));
	assert_non_null(strstr(text, "12,345 events were lost"));
	sum = scene_sum(scene, snapshot,
	                (struct cs_rollup_options){.metric = CS_METRIC_ALLOC_SPACE});
	text = scene_write(scene, &cs_export_text, sum, (struct cs_export_style){0});
	assert_non_null(strstr(text, "total at least 4.6 KiB allocated"));
}

static void an_empty_heap_is_no_error(void **state)
{
	struct scene *scene = *state;
	struct cs_snapshot *snapshot = scene_take(scene);
	const struct cs_rollup *sum = scene_sum(scene, snapshot, (struct cs_rollup_options){0});

	assert_string_equal(scene_write(scene, &cs_export_folded, sum, (struct cs_export_style){0}),
	                    "");
	assert_string_equal(scene_write(scene, &cs_export_text, sum, (struct cs_export_style){0}),
	                    "total 0 B in use in 0 objects\n");
	check_json(scene_write(scene, &cs_export_json, sum, (struct cs_export_style){0}),
	           "j[\"entries\"] == []");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(folded_lines_add_up_to_the_total),
		TEST(that_gccgos_own_heap_is_missing_is_said),
		TEST(folded_stacks_start_at_the_root),
		TEST(each_folded_stack_is_one_line),
		TEST(one_program_is_no_root),
		TEST(folded_names_keep_to_their_frame),
		TEST(a_comparison_folds_to_two_values),
		TEST(json_has_the_keys_that_are_promised),
		TEST(json_of_a_comparison_has_both_sides),
		TEST(json_keeps_odd_names_valid),
		TEST(a_limit_leaves_the_total_and_says_what_is_left_out),
		TEST(text_shows_stacks_with_their_places),
		TEST(text_fits_the_terminal),
		TEST(colour_is_only_where_it_is_welcome),
		TEST(an_estimate_says_how_sure_it_is),
		TEST(losses_are_told),
		TEST(an_empty_heap_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
