/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step begins when all that came before it is done: a script over a recording gives the same
 * screens however fast the machine is.
 */
#include "app/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

struct run {
	struct csv_app *app;
	int width, height;
	struct timespec clock; /* of the last "clock" */
};

/* Whatever takes long is done before anything else. */
static void settle(struct csv_app *app)
{
	while (csv_app_work(app))
		;
}

static int press(struct run *run, uint32_t key)
{
	const struct csv_event event = {.kind = CSV_EVENT_KEY, .key = key};

	csv_app_event(run->app, &event);
	settle(run->app);
	return csv_app_draw(run->app, run->width, run->height);
}

static int do_size(struct run *run, char *rest, struct cs_diag *diag)
{
	if (sscanf(rest, "%d %d", &run->width, &run->height) != 2 || run->width < 1 ||
	    run->height < 1)
		return cs_diag_set(diag, -EINVAL, "two numbers are wanted, not '%s'", rest);
	return csv_app_draw(run->app, run->width, run->height);
}

static int do_key(struct run *run, char *rest, struct cs_diag *diag)
{
	char *more = NULL;
	int error = 0;

	for (char *word = strtok_r(rest, " ", &more); word && !error;
	     word = strtok_r(NULL, " ", &more)) {
		uint32_t key = csv_key_by_name(word);

		if (!key)
			return cs_diag_set(diag, -EINVAL, "there is no key '%s'", word);
		error = press(run, key);
	}
	return error;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): a step, as the table has them */
static int do_type(struct run *run, char *rest, struct cs_diag *diag)
{
	const char *text = rest;
	int error = 0;

	(void)diag;
	while (*text && !error)
		error = press(run, cs_text_decode(&text));
	return error;
}

static int do_action(struct run *run, char *rest, struct cs_diag *diag)
{
	enum csv_action action = csv_action_by_name(rest);

	if (!action)
		return cs_diag_set(diag, -EINVAL, "there is no action '%s'", rest);
	run->app->message[0] = 0;
	csv_app_do(run->app, action);
	settle(run->app);
	return csv_app_draw(run->app, run->width, run->height);
}

static int do_seek(struct run *run, char *rest, struct cs_diag *diag)
{
	uint64_t time_ns = CSV_THE_END;
	int error = 0;

	if (strcmp(rest, "end") != 0)
		error = csv_session_time(run->app->session, rest, &time_ns, diag);
	if (error)
		return cs_diag_set(diag, error, "there is no time '%s' in it", rest);
	if (!error)
		error = csv_session_seek(run->app->session, time_ns, diag);
	if (!error)
		csv_app_update(run->app);
	settle(run->app);
	return error;
}

static int do_wait(struct run *run, char *rest, struct cs_diag *diag)
{
	const struct timespec nap = {.tv_nsec = 20000000};
	char *unit;
	double left = strtod(rest, &unit);

	if (!strcmp(unit, "ms"))
		left /= 1000;
	else if (strcmp(unit, "s") != 0)
		return cs_diag_set(diag, -EINVAL, "a time is wanted (500ms, 2s), not '%s'", rest);
	for (; left > 0 && !run->app->quit; left -= 0.02) {
		nanosleep(&nap, NULL);
		csv_app_tick(run->app, 20000000);
	}
	return csv_app_draw(run->app, run->width, run->height);
}

/* Until the target has ended, at most so long. */
static int do_wait_end(struct run *run, char *rest, struct cs_diag *diag)
{
	char step[] = "100ms";
	double left = strtod(rest, NULL);
	int error = 0;

	for (; !error && left > 0 && csv_session_is_growing(run->app->session); left -= 0.1)
		error = do_wait(run, step, diag);
	return error;
}

static int do_clock(struct run *run, char *rest, struct cs_diag *diag)
{
	struct timespec now;

	(void)diag;
	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("%s %.3f\n", rest,
	       (double)(now.tv_sec - run->clock.tv_sec) * 1e3 +
	               (double)(now.tv_nsec - run->clock.tv_nsec) / 1e6);
	clock_gettime(CLOCK_MONOTONIC, &run->clock);
	return 0;
}

static int do_save_screen(struct run *run, char *rest, struct cs_diag *diag)
{
	bool here = !strcmp(rest, "-");
	FILE *file = here ? stdout : fopen(rest, "we");
	struct cs_sink sink;
	int error;

	if (!file)
		return cs_diag_set(diag, -errno, "%s", strerror(errno));
	error = csv_app_draw(run->app, run->width, run->height);
	cs_sink_to_file(&sink, file, rest);
	csv_canvas_write(&run->app->canvas, &sink);
	if (!error)
		error = cs_sink_finish(&sink, diag);
	if (!here)
		fclose(file);
	return error;
}

static const struct {
	const char *name;
	int (*run)(struct run *run, char *rest, struct cs_diag *diag);
} steps[] = {
	{"size", do_size},   {"key", do_key},           {"type", do_type},
	{"seek", do_seek},   {"wait", do_wait},         {"action", do_action},
	{"clock", do_clock}, {"wait-end", do_wait_end}, {"save-screen", do_save_screen},
};

static int step(struct run *run, char *line, struct cs_diag *diag)
{
	size_t length = strcspn(line, " ");

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		if (strlen(steps[i].name) != length || strncmp(steps[i].name, line, length) != 0)
			continue;
		return steps[i].run(run, line + length + (line[length] == ' '), diag);
	}
	return cs_diag_set(
		diag, -EINVAL,
		"steps are size, key, type, action, seek, wait, wait-end, clock, save-screen");
}

int csv_script_run(struct csv_app *app, const char *path, struct cs_diag *diag)
{
	struct run run = {.app = app, .width = 80, .height = 24};
	FILE *file = fopen(path, "re");
	char line[1024];
	int number = 0, error;

	if (!file)
		return cs_diag_set(diag, -errno, "read the script %s: %s", path, strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &run.clock);
	settle(app);
	error = csv_app_draw(app, run.width, run.height);
	while (!error && !app->quit && fgets(line, sizeof(line), file)) {
		struct cs_diag why = {0};

		number++;
		line[strcspn(line, "\n")] = 0;
		if (!line[0] || line[0] == '#')
			continue;
		error = step(&run, line, &why);
		if (error)
			cs_diag_set(diag, error, "follow %s, line %d: %.300s", path, number,
			            why.text[0] ? why.text : strerror(-error));
	}
	fclose(file);
	return error;
}
