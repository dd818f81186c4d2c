/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands around a view: the status line says what must be known of the picture before it
 * is believed. And what a wheel does.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "model/coroutine.h"
#include "support/unit.h"
#include "trace/trace.h"

#define COUNT 40u
#define WIDTH 100
#define HEIGHT 20

static char folder[] = "/tmp/coroscope-frame-XXXXXX", path[64];

/* A recording of COUNT coroutines, UNSTABLE of which changed as they were read. */
static void record(uint64_t lost, uint32_t unstable)
{
	const struct cs_trace_session session = {.tick_ns = 1000000, .recorder = (char *)"test"};
	const struct cs_trace_summary summary = {.ended_by = (char *)"test"};
	const struct cs_process process = {.pid = 1, .executable = (char *)"/srv/x"};
	struct cs_model *model = cs_model_new();
	struct cs_diag diag = {0};
	struct cs_trace_writer *writer = cs_trace_create(path, &session, &diag);
	uint32_t id, runtime;

	assert_non_null(writer);
	id = cs_model_process(model, &process);
	runtime = cs_model_runtime(model, id, "go", NULL);
	cs_model_process_at(model, id)->lost = lost;
	cs_model_process_changed(model, id);
	for (uint32_t i = 1; i <= COUNT; i++) {
		uint32_t slot = cs_model_coroutine(model, id, runtime, i);
		struct cs_coroutine *coroutine = cs_model_coroutine_at(model, slot);

		assert_non_null(coroutine);
		coroutine->state = CS_COROUTINE_WAITING;
		coroutine->flags = i <= unstable ? CS_COROUTINE_UNSTABLE : 0;
		cs_model_coroutine_changed(model, slot);
	}
	cs_model_set_now(model, 5000000);
	assert_int_equal(cs_trace_write_tick(writer, model), 0);
	assert_int_equal(cs_trace_finish(writer, &summary, &diag), 0);
	cs_model_free(model);
}

static void open_app(struct csv_app *app, uint64_t lost, uint32_t unstable)
{
	struct cs_diag diag = {0};
	struct csv_session *session;

	record(lost, unstable);
	session = csv_session_open(path, &diag);
	assert_non_null(session);
	assert_int_equal(csv_app_open(app, session, "test", &diag), 0);
	while (csv_app_work(app))
		;
	assert_int_equal(csv_app_draw(app, WIDTH, HEIGHT), 0);
}

static void close_app(struct csv_app *app)
{
	csv_app_close(app);
	unlink(path);
}

static const char *status_line(const struct csv_app *app)
{
	static char line[4096];
	struct cs_sink sink;

	cs_sink_to_memory(&sink);
	csv_canvas_write(&app->canvas, &sink);
	sink.data[strlen(sink.data) - 1] = 0;
	snprintf(line, sizeof(line), "%s", strrchr(sink.data, '\n') + 1);
	cs_sink_release(&sink);
	return line;
}

static void losses_and_unstable_rows_are_told(void **state)
{
	struct csv_app app;

	(void)state;
	open_app(&app, 1234, 3);
	assert_non_null(strstr(status_line(&app), "lost 1,234  unstable 3"));
	close_app(&app);
	open_app(&app, 0, 0);
	assert_null(strstr(status_line(&app), "lost"));
	assert_null(strstr(status_line(&app), "unstable"));
	close_app(&app);
}

static int selected_line(struct csv_app *app)
{
	assert_int_equal(csv_app_draw(app, WIDTH, HEIGHT), 0);
	for (int y = 0; y < HEIGHT; y++)
		if (app->canvas.cells[y * WIDTH].role == CSV_ROLE_SELECTED)
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

static int begin(void **state)
{
	(void)state;
	setlocale(LC_CTYPE, "C.UTF-8");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/made.coro", folder);
	return 0;
}

static int end(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(losses_and_unstable_rows_are_told),
		cmocka_unit_test(a_wheel_moves_the_selection),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
