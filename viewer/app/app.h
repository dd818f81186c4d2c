/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The viewer without a terminal: what is shown, what a key does, what the time does. Whoever
 * drives it (a person at a terminal, a script, a test) hands it events and asks for pictures.
 */
#ifndef CSV_APP_APP_H
#define CSV_APP_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "app/session.h"
#include "app/steer.h"
#include "canvas/canvas.h"
#include "canvas/key.h"
#include "view/view.h"
#include "widget/prompt.h"

#define CSV_VIEWS_MAX 9

enum csv_asking {
	CSV_ASKING_NOTHING,
	CSV_ASKING_SEARCH,
	CSV_ASKING_FILTER,
	CSV_ASKING_SAVE,
	CSV_ASKING_COPY,
	CSV_ASKING_SNAPSHOT,
	CSV_ASKING_RECORD,
	CSV_ASKING_KINDS
};

enum csv_work { CSV_WORK_NONE, CSV_WORK_READS, CSV_WORK_WRITES };

struct csv_app {
	struct csv_session *session;
	struct csv_keymap keymap;
	struct csv_canvas canvas;
	char title[128]; /* the target: "server (pid 42)" */
	void *states[CSV_VIEWS_MAX];
	uint32_t views, current;
	bool help; /* shown instead of the view */
	uint32_t help_top;
	enum csv_asking asking;
	struct csv_prompt prompt;
	char answers[CSV_ASKING_KINDS][512]; /* the last ones */
	char needle[128];
	char message[256]; /* in the last line, until the next key */
	bool message_bad;
	bool paused;          /* live: the picture is held; a recording: it does not play */
	uint64_t interval_ns; /* between pictures */
	double speed;         /* of playing a recording */
	struct csv_steer steer;
	bool ended;            /* it was alive when the view began */
	bool copies;           /* whoever drives it has a clipboard */
	struct cs_sink copied; /* for it; empty: nothing. Who took it releases it */
	bool quit, redraw;     /* redraw: somebody else wrote on the terminal */
	struct csv_area area;  /* of the view */
	/* Long work, see long.c. */
	int (*rest)(void *context); /* answers keys that are there; may be NULL */
	void *rest_context;
	enum csv_action pending; /* takes its time: done once it was said so; none: 0 */
	char pending_path[256];  /* of what is to be written */
	const char *doing;       /* what takes so long, in words; NULL */
	enum csv_work works;     /* and rests */
	bool resting;            /* a key is being answered meanwhile */
	bool due;                /* the view may want to know of other moments */
	bool missed;             /* it could not be told of this one what it wants, in a rest */
	bool going;              /* to another time, and has not come there */
	uint64_t going_ns;
	uint64_t updates; /* times that a view was updated */
	struct cs_pace pace;
};

/* SESSION becomes the app's, also on failure. 0 or -errno with DIAG. */
int csv_app_open(struct csv_app *app, struct csv_session *session, const char *title,
                 struct cs_diag *diag);
void csv_app_close(struct csv_app *app);

/* False: there is no such view. */
bool csv_app_choose(struct csv_app *app, const char *view);

void csv_app_event(struct csv_app *app, const struct csv_event *event);
void csv_app_do(struct csv_app *app, enum csv_action action);

/* REST, which answers keys that are there, is called in rests of long work; NULL: nobody is. */
void csv_app_rest_by(struct csv_app *app, int (*rest)(void *context), void *context);

/* Does what is pending, with rests; true: it was something, draw again, and ask again. */
bool csv_app_work(struct csv_app *app);

/* What ELAPSED_NS of time brings: new records, or a recording that plays. True: draw again. */
bool csv_app_tick(struct csv_app *app, uint64_t elapsed_ns);

/* Draws into app->canvas at this size. 0 or -ENOMEM. */
int csv_app_draw(struct csv_app *app, int width, int height);

/* Terminals drop larger ones, some without a word. */
#define CSV_COPY_MAX 74000u

/* What is shown into app->copied; FORM: "text", "json" or "folded". 0 or -errno with DIAG. */
int csv_app_copy(struct csv_app *app, const char *form, struct cs_diag *diag);

/* What is shown into a file: .json and .folded are data, everything else is the picture. */
int csv_app_save(struct csv_app *app, const char *path, struct cs_diag *diag);

/* ---- between the files of the app ---- */

/* Where the name of a view lies in the second line. */
struct csv_tab {
	char text[32];
	int x, width;
};
void csv_app_tab(const struct csv_app *app, uint32_t view, struct csv_tab *tab);
void csv_app_say(struct csv_app *app, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void csv_app_complain(struct csv_app *app, const struct cs_diag *diag);
const struct csv_view *csv_app_view(const struct csv_app *app);
void csv_app_update(struct csv_app *app); /* the view sees the scene */
void csv_app_do_now(struct csv_app *app, enum csv_action action);
/* ACTION becomes pending; PATH: of what it writes, or NULL. */
void csv_app_later(struct csv_app *app, enum csv_action action, const char *path);
int csv_app_rest(void *app);
/* To another time of the trace. */
void csv_app_go_to(struct csv_app *app, uint64_t time_ns);
/* The view's rows of what the session has prepared. 0, -ENOMEM or -ECANCELED. */
int csv_app_prepare_view(struct csv_app *app);
/* What the view wants to know of other moments, with rests. True: it was not known. */
bool csv_app_catch_up(struct csv_app *app);
/* About the target itself: recordings, what comes next. False: it is not. */
bool csv_app_target(struct csv_app *app, enum csv_action action);
void csv_app_record(struct csv_app *app, const char *path);
void csv_app_end_recording(struct csv_app *app);
void csv_app_ask(struct csv_app *app, enum csv_asking what);
bool csv_app_travel(struct csv_app *app, enum csv_action action); /* false: not about time */

#endif
