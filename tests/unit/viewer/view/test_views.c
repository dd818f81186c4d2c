/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every view on a canvas, compared with the screens of tests/screen. After a change that is
 * meant, UPDATE_SCREENS=1 writes them anew: look at what git says has changed.
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"
#include "support/canvas_text.h"
#include "support/unit.h"
#include "view/view.h"

struct shown {
	struct made_scene made;
	struct csv_canvas canvas;
	const struct csv_view *view;
	void *state;
};

static struct shown *open_view(const struct csv_view *view, bool unicode)
{
	static struct shown shown;

	memset(&shown, 0, sizeof(shown));
	setlocale(LC_CTYPE, "C.UTF-8");
	scene_make(&shown.made);
	shown.canvas.unicode = unicode;
	shown.view = view;
	shown.state = view->open();
	assert_non_null(shown.state);
	return &shown;
}

static void close_view(struct shown *shown)
{
	shown->view->close(shown->state);
	csv_canvas_release(&shown->canvas);
	scene_release(&shown->made);
}

static void draw(struct shown *shown, int width, int height)
{
	assert_int_equal(csv_canvas_resize(&shown->canvas, width, height), 0);
	assert_int_equal(shown->view->update(shown->state, &shown->made.scene), 0);
	shown->view->draw(shown->state, &shown->made.scene, &shown->canvas,
	                  (struct csv_area){0, 0, width, height});
}

static void act(struct shown *shown, enum csv_action action)
{
	assert_int_not_equal(shown->view->action(shown->state, &shown->made.scene, action),
	                     CSV_NOT_MINE);
}

static void compare(struct shown *shown, const char *name)
{
	const char *source = getenv("SOURCE_DIR");
	char path[4096], kept[16384] = "";
	const char *picture = canvas_text(&shown->canvas);
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/screen/%s.txt", source ? source : ".", name);
	if (getenv("UPDATE_SCREENS")) {
		file = fopen(path, "we");
		assert_non_null(file);
		fputs(picture, file);
		fclose(file);
	}
	file = fopen(path, "re");
	if (!file)
		fail_msg("there is no %s", path);
	kept[fread(kept, 1, sizeof(kept) - 1, file)] = 0;
	fclose(file);
	if (strcmp(kept, picture) != 0)
		print_message("%s", picture);
	assert_string_equal(picture, kept);
}

static void coroutines_are_grouped_by_stack(void **state)
{
	struct shown *shown = open_view(&csv_view_coroutines, true);

	(void)state;
	draw(shown, 120, 12);
	compare(shown, "coroutines-groups");
	close_view(shown);
}

static void coroutines_are_listed_and_one_is_looked_into(void **state)
{
	struct shown *shown = open_view(&csv_view_coroutines, true);

	(void)state;
	act(shown, CSV_ACTION_MODE);
	draw(shown, 120, 12);
	compare(shown, "coroutines-list");
	act(shown, CSV_ACTION_OPEN);
	draw(shown, 100, 30);
	compare(shown, "coroutines-detail");
	close_view(shown);
}

/* Of a runtime that nobody tells of: in groups, in the list, and of each. */
static void switches_that_may_be_more_are_marked(void **state)
{
	struct shown *shown = open_view(&csv_view_coroutines, true);
	struct cs_model *model = shown->made.now;
	struct cs_coroutine *runs =
		cs_model_coroutine_at(model, cs_model_coroutine_find(model, 1, 1, 77));

	(void)state;
	runs->switches = 250;
	draw(shown, 140, 12);
	assert_non_null(strstr(canvas_text(&shown->canvas), " 250 "));
	runs->flags |= CS_COROUTINE_UNTOLD;
	for (int mode = 0; mode < 2; mode++) {
		draw(shown, 140, 12);
		assert_non_null(strstr(canvas_text(&shown->canvas), " >250 "));
		act(shown, CSV_ACTION_MODE);
	}
	close_view(shown);
}

static void coroutines_stand_below_who_spawned_them(void **state)
{
	struct shown *shown = open_view(&csv_view_coroutines, false);

	(void)state;
	act(shown, CSV_ACTION_MODE);
	act(shown, CSV_ACTION_MODE);
	draw(shown, 100, 12);
	compare(shown, "coroutines-tree");
	act(shown, CSV_ACTION_LEFT); /* fold */
	draw(shown, 100, 12);
	compare(shown, "coroutines-folded");
	close_view(shown);
}

static void filters_leave_what_they_say(void **state)
{
	struct shown *shown = open_view(&csv_view_coroutines, true);
	struct cs_diag diag = {0};

	(void)state;
	act(shown, CSV_ACTION_MODE);
	assert_int_equal(shown->view->filter(shown->state,
	                                     "function ~ worker and wait > 85s and stack < 1k",
	                                     &diag),
	                 0);
	draw(shown, 100, 8);
	compare(shown, "coroutines-filter");
	assert_int_equal(shown->view->filter(shown->state, "colour = red", &diag), -EINVAL);
	draw(shown, 100, 8);
	compare(shown, "coroutines-filter"); /* a wrong one leaves the last */
	close_view(shown);
}

/* As it is typed: the view is not updated in between. */
static void a_search_goes_to_the_row_as_it_is_typed(void **state)
{
	struct shown *shown = open_view(&csv_view_coroutines, true);

	(void)state;
	act(shown, CSV_ACTION_MODE);
	draw(shown, 100, 20);
	shown->made.scene.needle = "json.pa";
	assert_true(shown->view->search(shown->state, &shown->made.scene, 0));
	act(shown, CSV_ACTION_OPEN);
	draw(shown, 100, 20);
	compare(shown, "coroutines-search");
	shown->made.scene.needle = "json.pax";
	assert_false(shown->view->search(shown->state, &shown->made.scene, 0));
	close_view(shown);
}

static void threads_show_their_coroutine_and_share(void **state)
{
	struct shown *shown = open_view(&csv_view_threads, true);

	(void)state;
	draw(shown, 100, 6);
	compare(shown, "threads");
	close_view(shown);
}

static void the_heap_is_compared_with_the_start(void **state)
{
	struct shown *shown = open_view(&csv_view_heap, true);

	(void)state;
	draw(shown, 90, 8);
	compare(shown, "heap-stack");
	act(shown, CSV_ACTION_MODE);
	act(shown, CSV_ACTION_METRIC);
	act(shown, CSV_ACTION_OPEN);
	draw(shown, 90, 12);
	compare(shown, "heap-function");
	close_view(shown);
}

static void stacks_are_flames_and_zoom(void **state)
{
	struct shown *shown = open_view(&csv_view_stacks, true);

	(void)state;
	draw(shown, 80, 6);
	compare(shown, "stacks");
	act(shown, CSV_ACTION_DOWN);
	act(shown, CSV_ACTION_OPEN);
	draw(shown, 80, 6);
	compare(shown, "stacks-zoomed");
	close_view(shown);
}

/* Without the runtime's own, as in all reports. */
static void coroutines_are_flames_as_well(void **state)
{
	struct shown *shown = open_view(&csv_view_stacks, true);

	(void)state;
	for (int metric = 0; metric < CS_METRIC_COROUTINES; metric++)
		act(shown, CSV_ACTION_METRIC);
	draw(shown, 80, 8);
	compare(shown, "stacks-coroutines");
	close_view(shown);
}

static void the_scheduler_shows_states_threads_and_figures(void **state)
{
	struct shown *shown = open_view(&csv_view_scheduler, true);

	(void)state;
	draw(shown, 90, 14);
	compare(shown, "scheduler");
	close_view(shown);
}

static void the_timeline_shows_what_was(void **state)
{
	struct shown *shown = open_view(&csv_view_timeline, true);

	(void)state;
	draw(shown, 80, 14);
	compare(shown, "timeline");
	close_view(shown);
}

/* Neither a tiny screen nor a huge one may draw outside, or end in an endless loop. */
static void every_view_survives_every_size(void **state)
{
	static const int sizes[][2] = {{1, 1}, {20, 2}, {20, 5}, {500, 200}, {7, 40}};

	(void)state;
	for (int i = 0; csv_views[i]; i++) {
		struct shown *shown = open_view(csv_views[i], i % 2);

		for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
			draw(shown, sizes[s][0], sizes[s][1]);
			for (int action = CSV_ACTION_UP; action <= CSV_ACTION_BACK; action++)
				if (shown->view->action)
					shown->view->action(shown->state, &shown->made.scene,
					                    (enum csv_action)action);
			draw(shown, sizes[s][0], sizes[s][1]);
		}
		close_view(shown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(coroutines_are_grouped_by_stack),
		cmocka_unit_test(coroutines_are_listed_and_one_is_looked_into),
		cmocka_unit_test(switches_that_may_be_more_are_marked),
		cmocka_unit_test(coroutines_stand_below_who_spawned_them),
		cmocka_unit_test(filters_leave_what_they_say),
		cmocka_unit_test(a_search_goes_to_the_row_as_it_is_typed),
		cmocka_unit_test(threads_show_their_coroutine_and_share),
		cmocka_unit_test(the_heap_is_compared_with_the_start),
		cmocka_unit_test(stacks_are_flames_and_zoom),
		cmocka_unit_test(coroutines_are_flames_as_well),
		cmocka_unit_test(the_scheduler_shows_states_threads_and_figures),
		cmocka_unit_test(the_timeline_shows_what_was),
		cmocka_unit_test(every_view_survives_every_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
