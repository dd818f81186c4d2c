/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands around a view: the status line says what must be known of the picture before it
 * is believed. And what a wheel does.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/coroutine.h"
#include "scene.h"
#include "support/canvas_text.h"
#include "support/unit.h"

#define COUNT 40u

static char path[64];

/* A recording of COUNT coroutines, UNSTABLE of which changed as they were read. */
static void record(uint64_t lost, uint32_t unstable)
{
	struct scene_recording recording;
	struct cs_model *model;

	scene_record(&recording, scene_path(path, "made.coro"), 1000000);
	model = recording.model;
	cs_model_process_at(model, recording.process)->lost = lost;
	cs_model_process_changed(model, recording.process);
	for (uint32_t i = 1; i <= COUNT; i++) {
		uint32_t slot = cs_model_coroutine(model, recording.process, recording.runtime, i);
		struct cs_coroutine *coroutine = cs_model_coroutine_at(model, slot);

		assert_non_null(coroutine);
		coroutine->state = CS_COROUTINE_WAITING;
		coroutine->flags = i <= unstable ? CS_COROUTINE_UNSTABLE : 0;
		cs_model_coroutine_changed(model, slot);
	}
	cs_model_set_now(model, 5000000);
	assert_int_equal(cs_trace_write_tick(recording.writer, model), 0);
	scene_recorded(&recording);
}

static void open_app(struct csv_app *app, uint64_t lost, uint32_t unstable)
{
	record(lost, unstable);
	scene_open(app, path);
}

static void close_app(struct csv_app *app)
{
	csv_app_close(app);
	unlink(path);
}

static const char *status_line(const struct csv_app *app)
{
	static char line[4096];
	const char *text = canvas_text(&app->canvas), *end = strrchr(text, '\n');
	const char *start = end;

	while (start > text && start[-1] != '\n')
		start--;
	snprintf(line, sizeof(line), "%.*s", (int)(end - start), start);
	return line;
}

static void losses_and_unstable_rows_are_told(void **state)
{
	struct csv_app app;

	(void)state;
	open_app(&app, 1234, 3);
	assert_non_null(strstr(status_line(&app), "unstable 3  lost 1,234"));
	close_app(&app);
	open_app(&app, 0, 0);
	assert_null(strstr(status_line(&app), "lost"));
	assert_null(strstr(status_line(&app), "unstable"));
	close_app(&app);
}

static void draw_small(struct csv_app *app)
{
	assert_int_equal(csv_app_draw(app, 20, 5), 0);
}

/* What cannot be shown is left out whole: half of a number would be another one. */
static void a_small_screen_shows_what_matters_most(void **state)
{
	struct csv_app app;

	(void)state;
	open_app(&app, 1234, 3);
	draw_small(&app);
	assert_string_equal(status_line(&app), "1 group ~ lost 1,234");
	assert_non_null(strstr(canvas_text(&app.canvas), "\n 1 coroutines  2 3 4\n"));
	assert_true(csv_app_choose(&app, "timeline"));
	draw_small(&app);
	assert_non_null(strstr(canvas_text(&app.canvas), "\n 1 2 3 4 5 6 timeli~\n"));
	csv_app_event(&app, &(struct csv_event){.kind = CSV_EVENT_CLICK, .x = 5, .y = 1});
	assert_string_equal(csv_app_view(&app)->name, "heap");
	close_app(&app);
}

static int selected_line(struct csv_app *app)
{
	scene_draw(app);
	for (int y = 0; y < SCENE_HEIGHT; y++)
		if (app->canvas.cells[y * SCENE_WIDTH].role == CSV_ROLE_SELECTED)
			return y;
	return -1;
}

static void wheel(struct csv_app *app, int clicks)
{
	const struct csv_event event = {.kind = CSV_EVENT_WHEEL, .x = 5, .y = 8, .clicks = clicks};

	csv_app_event(app, &event);
}

/* Three rows, in either direction, and not beyond the first. */
static void a_wheel_moves_the_selection(void **state)
{
	struct csv_app app;
	int first;

	(void)state;
	open_app(&app, 0, 0);
	csv_app_do(&app, CSV_ACTION_MODE); /* the list */
	first = selected_line(&app);
	assert_int_not_equal(first, -1);
	wheel(&app, 1);
	assert_int_equal(selected_line(&app), first + 3);
	wheel(&app, 1);
	wheel(&app, -1);
	assert_int_equal(selected_line(&app), first + 3);
	wheel(&app, -1);
	wheel(&app, -1);
	assert_int_equal(selected_line(&app), first);
	close_app(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(losses_and_unstable_rows_are_told),
		cmocka_unit_test(a_small_screen_shows_what_matters_most),
		cmocka_unit_test(a_wheel_moves_the_selection),
	};

	return cmocka_run_group_tests(tests, scene_begin, scene_end);
}
