/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of processes to choose from, and what is told to the recorder: files in, files out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/choose.h"
#include "app/steer.h"
#include "scene.h"
#include "support/canvas_text.h"
#include "support/unit.h"

static char path[64];

static void write_list(const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static const char list[] =
	"4242\talice\tgo\tgo1.22.1\t120034\t\t./server --port 80\n"
	"77\tbob\tgo\tgo1.19\t12\t\tproxy \033[2J\n"
	"not a line\n"
	"900\troot\t\t\t\tobserve 900: the kernel does not permit it\t/sbin/init\n"
	"5\tbob\tnative\t\t\t\tredis\n";

static void key(struct csv_choose *choose, uint32_t code)
{
	const struct csv_event event = {.kind = CSV_EVENT_KEY, .key = code};

	csv_choose_event(choose, &event);
	assert_int_equal(csv_choose_draw(choose, 80, 10), 0);
}

static const char *shown(const struct csv_choose *choose)
{
	return canvas_text(&choose->canvas);
}

static void open_list(struct csv_choose *choose)
{
	struct cs_diag diag = {0};

	write_list(list);
	assert_int_equal(csv_choose_open(choose, path, &diag), 0);
	choose->canvas.unicode = true;
	assert_int_equal(csv_choose_draw(choose, 80, 10), 0);
}

static void the_largest_is_first_and_enter_takes_it(void **state)
{
	struct csv_choose choose;

	(void)state;
	open_list(&choose);
	assert_int_equal(choose.count, 4);
	assert_non_null(
		strstr(shown(&choose), "4242 alice        go      go1.22.1        120,034"));
	assert_null(strchr(shown(&choose), 033)); /* of a command line, which is foreign */
	key(&choose, CSV_KEY_ENTER);
	assert_int_equal(choose.chosen, 4242);
	assert_true(choose.quit);
	csv_choose_release(&choose);
}

static void what_may_not_be_read_is_shown_and_refused(void **state)
{
	struct csv_choose choose;

	(void)state;
	open_list(&choose);
	key(&choose, 'G');
	key(&choose, CSV_KEY_ENTER);
	assert_int_equal(choose.chosen, 0);
	assert_false(choose.quit);
	assert_non_null(strstr(shown(&choose), "[not permitted] /sbin/init"));
	assert_non_null(strstr(shown(&choose), "does not permit"));
	csv_choose_release(&choose);
}

static void a_search_and_another_list_leave_the_selection_on_its_process(void **state)
{
	struct csv_choose choose;

	(void)state;
	open_list(&choose);
	key(&choose, '/');
	for (const char *c = "redis"; *c; c++)
		key(&choose, (uint32_t)*c);
	key(&choose, CSV_KEY_ENTER);
	/* More of them, and of another order. */
	write_list("1\ta\tgo\t\t999999\t\tlarge\n"
	           "5\tbob\tnative\t\t\t\tredis\n"
	           "2\ta\tgo\t\t5\t\tsmall\n");
	choose.changed_ns = 1;
	assert_true(csv_choose_tick(&choose));
	assert_false(csv_choose_tick(&choose));
	key(&choose, CSV_KEY_ENTER);
	assert_int_equal(choose.chosen, 5);
	csv_choose_release(&choose);
}

static void every_size_and_an_empty_list_are_drawn(void **state)
{
	static const int sizes[][2] = {{1, 1}, {20, 5}, {500, 200}, {3, 2}};
	struct csv_choose choose;

	(void)state;
	for (int round = 0; round < 2; round++) {
		struct cs_diag diag = {0};

		write_list(round ? "" : list);
		assert_int_equal(csv_choose_open(&choose, path, &diag), 0);
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			assert_int_equal(csv_choose_draw(&choose, sizes[i][0], sizes[i][1]), 0);
			key(&choose, CSV_KEY_DOWN);
			key(&choose, '>');
		}
		if (round)
			key(&choose, CSV_KEY_ENTER);
		assert_int_equal(choose.chosen, 0);
		csv_choose_release(&choose);
	}
}

static void a_list_that_is_not_there_is_told(void **state)
{
	struct cs_diag diag = {0};
	struct csv_choose choose;

	(void)state;
	assert_int_equal(csv_choose_open(&choose, "/nonexistent/list", &diag), -ENOENT);
	assert_non_null(strstr(diag.text, "read the processes"));
	csv_choose_release(&choose);
}

/* ---- steering ---- */

static char *told(void)
{
	static char text[256];
	FILE *file = fopen(path, "re");

	text[0] = 0;
	if (file) {
		text[fread(text, 1, sizeof(text) - 1, file)] = 0;
		fclose(file);
	}
	return text;
}

static void looks_are_asked_for_within_bounds(void **state)
{
	struct csv_steer steer = {.control = path, .looks_ns = UINT64_C(500000000)};
	struct csv_steer nobody = {.looks_ns = 1};
	struct csv_steer agent = {.control = path};

	(void)state;
	assert_true(csv_steer_looks(&steer, true));
	assert_string_equal(told(), "interval 250ms\n");
	for (int i = 0; i < 20; i++)
		csv_steer_looks(&steer, true);
	assert_string_equal(told(), "interval 50ms\n");
	for (int i = 0; i < 40; i++)
		csv_steer_looks(&steer, false);
	assert_string_equal(told(), "interval 60000ms\n");
	assert_false(csv_steer_looks(&nobody, true));
	assert_false(csv_steer_looks(&agent, true)); /* it is not looked at */
}

static void what_comes_next_is_read(void **state)
{
	struct csv_steer steer = {.next = path};
	struct csv_steer nobody = {0};
	char text[128];

	(void)state;
	write_list("4711\n");
	assert_true(csv_steer_next(&steer, text, sizeof(text)));
	assert_non_null(strstr(text, "process 4711"));
	write_list("again\n");
	assert_true(csv_steer_next(&steer, text, sizeof(text)));
	write_list("none\n");
	assert_false(csv_steer_next(&steer, text, sizeof(text)));
	assert_false(csv_steer_next(&nobody, text, sizeof(text)));
}

static int begin(void **state)
{
	int error = scene_begin(state);

	scene_path(path, "list");
	return error;
}

static int end(void **state)
{
	unlink(path);
	return scene_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_is_first_and_enter_takes_it),
		cmocka_unit_test(what_may_not_be_read_is_shown_and_refused),
		cmocka_unit_test(a_search_and_another_list_leave_the_selection_on_its_process),
		cmocka_unit_test(every_size_and_an_empty_list_are_drawn),
		cmocka_unit_test(a_list_that_is_not_there_is_told),
		cmocka_unit_test(looks_are_asked_for_within_bounds),
		cmocka_unit_test(what_comes_next_is_read),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
