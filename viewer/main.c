/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope-top: the view of one trace, which may be growing. `coroscope top` starts it, with
 * a recorder beside it where the target is a live one.
 *
 *     coroscope-top [--title T] [--view V] [--theme T] [--script FILE | --batch]
 *                   [--at TIME] [--size WxH] [--control FILE [--looks MS]] [--next FILE] TRACE
 *     coroscope-top [--theme T] [--title WHY] --choose RESULT LIST
 *
 * The files are those of profiler/command/top.h, which also knows the exit statuses.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <locale.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/app.h"
#include "app/choose.h"
#include "app/config.h"
#include "app/script.h"
#include "terminal/crash.h"
#include "terminal/terminal.h"

struct options {
	const char *trace, *title, *view, *theme, *script;
	const char *at, *size, *control, *next, *looks, *choose; /* as given; NULL: not */
	int width, height;
	uint64_t looks_ns;
	bool batch;
};

static int complain(const struct cs_diag *diag)
{
	fprintf(stderr, "coroscope: cannot %s\n", diag->text);
	if (diag->hint[0])
		fprintf(stderr, "hint: %s\n", diag->hint);
	return 2;
}

/* ---- the loop ---- */

#define STRETCH_NS UINT64_C(4000000) /* of long work, between two looks for keys */
#define AGE_NS UINT64_C(1000000000)

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct loop {
	struct csv_app *app;
	struct csv_terminal *terminal;
	uint64_t rested_ns; /* when keys were looked for last */
	uint64_t shown_ns;
	const char *said; /* what is being done, on the screen */
	int error;
};

static int show(struct loop *loop)
{
	struct csv_app *app = loop->app;
	int width, height, error;

	csv_terminal_size(loop->terminal, &width, &height);
	error = csv_app_draw(app, width, height);
	if (!error)
		csv_terminal_show(loop->terminal, &app->canvas, app->redraw);
	app->redraw = false;
	if (app->copied.size) {
		csv_terminal_copy(loop->terminal, app->copied.data, app->copied.size);
		cs_sink_release(&app->copied);
		cs_sink_to_memory(&app->copied);
	}
	loop->shown_ns = now_ns();
	return error;
}

/* Waits for an event and answers it; true: there was one, draw again. */
static bool answer(struct csv_app *app, struct csv_terminal *terminal, int wait_ms)
{
	struct csv_event event = csv_terminal_wait(terminal, wait_ms);

	if (event.kind == CSV_EVENT_NONE)
		return false;
	csv_crash_note(csv_app_view(app)->name, (uint32_t)event.kind, event.key);
	csv_app_event(app, &event);
	return true;
}

/* Long work rests: keys that came meanwhile are answered. */
static int rest(void *context)
{
	struct loop *loop = context;

	if (now_ns() < loop->rested_ns + STRETCH_NS)
		return 0;
	while (!loop->error && !loop->app->quit && answer(loop->app, loop->terminal, 0))
		loop->error = show(loop);
	if (loop->app->doing != loop->said)
		loop->error = show(loop);
	loop->said = loop->app->doing;
	loop->rested_ns = now_ns();
	return loop->error;
}

/* When the screen is drawn again though nothing has come: the age on it grows. */
static uint64_t older_at(const struct loop *loop)
{
	bool ages = csv_session_age_ns(loop->app->session) != CSV_THE_END;

	return ages ? loop->shown_ns + AGE_NS : UINT64_MAX;
}

static int run(struct csv_app *app, struct csv_terminal *terminal)
{
	struct loop loop = {.app = app, .terminal = terminal};
	uint64_t last = now_ns();
	int error = show(&loop);

	csv_app_rest_by(app, rest, &loop);
	while (!error && !app->quit) {
		uint64_t next = last + app->interval_ns, older = older_at(&loop), now = now_ns();
		uint64_t until = next < older ? next : older;
		int wait_ms = until > now ? (int)((until - now) / 1000000) : 0;
		bool changed = answer(app, terminal, wait_ms);

		now = now_ns();
		/* An answer does not wait for a picture; a picture waits for keys, but not for ever. */
		if (now >= next + (changed ? app->interval_ns : 0)) {
			changed |= csv_app_tick(app, now - last);
			last = now;
		}
		if ((changed || now >= older) && !app->quit)
			error = show(&loop);
		while (!error && csv_app_work(app))
			error = show(&loop);
		error = error ? error : loop.error;
	}
	csv_app_rest_by(app, NULL, NULL);
	return error;
}

static struct csv_terminal *open_terminal(const struct csv_config *config, struct cs_diag *diag)
{
	const char *no_colour = getenv("NO_COLOR");
	const struct csv_terminal_options options = {
		.theme = config->theme,
		.colour = !no_colour || !no_colour[0],
		.mouse = config->mouse,
	};

	return csv_terminal_open(&options, diag);
}

static int run_on_terminal(struct csv_app *app, const struct csv_config *config,
                           struct cs_diag *diag)
{
	struct csv_terminal *terminal = open_terminal(config, diag);
	int error;

	if (!terminal)
		return diag->error;
	app->copies = config->clipboard == CSV_CLIPBOARD_YES ||
	              (config->clipboard == CSV_CLIPBOARD_AUTO && csv_terminal_copies());
	error = run(app, terminal);
	csv_terminal_close(terminal);
	return error ? cs_diag_set(diag, error, "show the view: %s", strerror(-error)) : 0;
}

static int print_once(struct csv_app *app, const struct options *options, struct cs_diag *diag)
{
	struct cs_sink sink;
	int error;

	while (csv_app_work(app))
		;
	error = csv_app_draw(app, options->width, options->height);
	if (error)
		return cs_diag_set(diag, error, "draw the view: %s", strerror(-error));
	cs_sink_to_file(&sink, stdout, "standard output");
	csv_canvas_write(&app->canvas, &sink);
	return cs_sink_finish(&sink, diag);
}

/* ---- options ---- */

/* What getopt_long() gives for an option with a text: where that goes. BATCH is no such place. */
#define TEXT(member) required_argument, NULL, (int)offsetof(struct options, member)
enum { BATCH = 1 };

static int read_options(struct options *options, int argc, char **argv)
{
	static const struct option longs[] = {
		{"title", TEXT(title)},
		{"view", TEXT(view)},
		{"theme", TEXT(theme)},
		{"script", TEXT(script)},
		{"size", TEXT(size)},
		{"control", TEXT(control)},
		{"next", TEXT(next)},
		{"looks", TEXT(looks)},
		{"choose", TEXT(choose)},
		{"at", TEXT(at)},
		{"batch", no_argument, NULL, BATCH},
		{NULL, 0, NULL, 0},
	};
	int place;

	*options = (struct options){.width = 100, .height = 30};
	while ((place = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (place == '?')
			return -EINVAL;
		if (place == BATCH)
			options->batch = true;
		else
			*(const char **)((char *)options + place) = optarg;
	}
	if (optind + 1 != argc)
		return -EINVAL;
	options->trace = argv[optind];
	if (!options->title)
		options->title = options->trace;
	if (options->size && sscanf(options->size, "%dx%d", &options->width, &options->height) != 2)
		return -EINVAL;
	if (options->looks)
		options->looks_ns = strtoull(options->looks, NULL, 10) * 1000000;
	return 0;
}

static int configure(struct csv_config *config, const struct options *options, struct cs_diag *diag)
{
	char path[4096];

	csv_config_default(config);
	csv_config_path(path, sizeof(path));
	/* A script must do the same everywhere: nobody's keys. */
	if (path[0] && !options->script && csv_config_read(config, path, diag))
		return diag->error;
	if (options->theme && !(config->theme = csv_theme_by_name(options->theme))) {
		cs_diag_set(diag, -EINVAL, "use the theme %s: there is none", options->theme);
		return cs_diag_hint(diag, "themes: dark, light");
	}
	if (options->view)
		snprintf(config->view, sizeof(config->view), "%s", options->view);
	return 0;
}

/* ---- choosing a process ---- */

static int run_choice(struct csv_choose *choose, struct csv_terminal *terminal)
{
	int error = 0;

	while (!error && !choose->quit) {
		int width, height;

		csv_terminal_size(terminal, &width, &height);
		error = csv_choose_draw(choose, width, height);
		if (error)
			break;
		csv_terminal_show(terminal, &choose->canvas, choose->redraw);
		choose->redraw = false;
		struct csv_event event = csv_terminal_wait(terminal, 500);

		csv_choose_event(choose, &event);
		csv_choose_tick(choose);
	}
	return error;
}

static int write_choice(const char *path, uint32_t pid, struct cs_diag *diag)
{
	FILE *file = fopen(path, "we");
	int error = !file || fprintf(file, "%" PRIu32 "\n", pid) < 0;

	if (file)
		error |= fclose(file) != 0;
	return error ? cs_diag_set(diag, -EIO, "tell which process was chosen: %s: %s", path,
	                           strerror(errno))
	             : 0;
}

static int choose(const struct options *options, const struct csv_config *config,
                  struct cs_diag *diag)
{
	struct csv_terminal *terminal = NULL;
	struct csv_choose list;
	int error = csv_choose_open(&list, options->trace, diag);

	list.keymap = config->keymap;
	if (options->title != options->trace)
		snprintf(list.message, sizeof(list.message), "%s", options->title);
	list.canvas.unicode = csv_terminal_unicode();
	if (!error) {
		terminal = open_terminal(config, diag);
		error = terminal ? run_choice(&list, terminal) : diag->error;
		csv_terminal_close(terminal);
		if (error == -ENOMEM)
			cs_diag_set(diag, error, "show the processes: no memory");
	}
	if (!error && list.chosen)
		error = write_choice(options->choose, list.chosen, diag);
	csv_choose_release(&list);
	return error;
}

/* ---- the view ---- */

static int begin_at(struct csv_app *app, const char *at, struct cs_diag *diag)
{
	uint64_t time_ns;
	int error = csv_session_time(app->session, at, &time_ns, diag);

	if (!error)
		error = csv_session_seek(app->session, time_ns, diag);
	if (!error)
		csv_app_update(app);
	app->paused = true;
	return error;
}

static int run_view(const struct options *options, const struct csv_config *config,
                    struct cs_diag *diag, enum csv_leave *leave)
{
	struct csv_app app = {0};
	struct csv_session *session = csv_session_open(options->trace, diag);
	int error = session ? csv_app_open(&app, session, options->title, diag) : diag->error;

	if (!error) {
		app.keymap = config->keymap;
		app.canvas.unicode = csv_terminal_unicode();
		app.steer.control = options->control;
		app.steer.next = options->next;
		app.steer.looks_ns = options->looks_ns;
	}
	if (!error && config->view[0] && !csv_app_choose(&app, config->view)) {
		char names[128];

		csv_view_names(names, sizeof(names));
		error = cs_diag_set(diag, -EINVAL, "show the view %s: there is none", config->view);
		cs_diag_hint(diag, "views: %s", names);
	}
	if (!error && options->at)
		error = begin_at(&app, options->at, diag);
	if (!error && options->script)
		error = csv_script_run(&app, options->script, diag);
	else if (!error && options->batch)
		error = print_once(&app, options, diag);
	else if (!error)
		error = run_on_terminal(&app, config, diag);
	/* Who leaves a recording wants it all the same. */
	if (app.steer.recording[0]) {
		csv_app_end_recording(&app);
		fprintf(stderr, "%s\n", app.message);
	}
	*leave = app.steer.leave;
	if (session)
		csv_app_close(&app);
	return error;
}

int main(int argc, char **argv)
{
	struct options options;
	struct csv_config config;
	struct cs_diag diag = {0};
	enum csv_leave leave = CSV_LEAVE_DONE;
	int error;

	setlocale(LC_CTYPE, "");
	csv_crash_catch(CS_VERSION);
	if (read_options(&options, argc, argv)) {
		fprintf(stderr, "coroscope: this is started by `coroscope top`\n");
		return 2;
	}
	error = configure(&config, &options, &diag);
	if (!error && options.choose)
		error = choose(&options, &config, &diag);
	else if (!error)
		error = run_view(&options, &config, &diag, &leave);
	return error ? complain(&diag) : (int)leave;
}
