/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is shown, into a file or to the clipboard: the picture as text, or the view's rows as data.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "base/text.h"

static enum csv_form form_by_name(const char *name)
{
	int form = CSV_FORM_TEXT;

	while (form < CSV_FORMS && strcmp(csv_form_names[form], name) != 0)
		form++;
	return (enum csv_form)form;
}

/* By the file's suffix; what is no other form is text. */
static enum csv_form form_of(const char *path)
{
	const char *dot = strrchr(path, '.');
	enum csv_form form = dot ? form_by_name(dot + 1) : CSV_FORM_TEXT;

	return form == CSV_FORMS ? CSV_FORM_TEXT : form;
}

static int write_shown(struct csv_app *app, enum csv_form form, struct cs_sink *sink,
                       struct cs_diag *diag)
{
	const struct csv_view *view = csv_app_view(app);
	int error;

	if (form == CSV_FORM_TEXT) {
		csv_canvas_write(&app->canvas, sink);
		return 0;
	}
	if (!view->save || app->help)
		return cs_diag_set(diag, -ENOTSUP, "show %s as %s: this is text alone",
		                   app->help ? "help" : view->name, csv_form_names[form]);
	error = csv_session_whole(app->session, diag);
	if (error)
		return error;
	csv_app_update(app); /* what it had made of the moment before is of no use */
	error = view->save(app->states[app->current], csv_session_scene(app->session), form, sink);
	if (error == -ENOTSUP)
		return cs_diag_set(diag, error, "show this as %s: these rows have no %s",
		                   csv_form_names[form],
		                   form == CSV_FORM_FOLDED ? "stacks" : "such form");
	if (error && error != -EPIPE)
		cs_diag_set(diag, error, "show this as %s: %s", csv_form_names[form],
		            strerror(-error));
	return error;
}

int csv_app_save(struct csv_app *app, const char *path, struct cs_diag *diag)
{
	struct cs_sink sink;
	FILE *file = fopen(path, "wxe");
	int error;

	if (!file)
		return cs_diag_set(diag, -errno, "save to %s: %s", path, strerror(errno));
	cs_sink_to_file(&sink, file, path);
	error = write_shown(app, form_of(path), &sink, diag);
	if (!error)
		error = cs_sink_finish(&sink, diag);
	if (fclose(file) && !error)
		error = cs_diag_set(diag, -errno, "save to %s: %s", path, strerror(errno));
	if (error) /* half of it is worth nothing */
		remove(path);
	return error;
}

int csv_app_copy(struct csv_app *app, const char *name, struct cs_diag *diag)
{
	enum csv_form form = form_by_name(name);
	int error;

	if (form == CSV_FORMS)
		return cs_diag_set(diag, -EINVAL, "copy as %s: text, json and folded can be had",
		                   name);
	cs_sink_release(&app->copied);
	cs_sink_to_memory(&app->copied);
	error = write_shown(app, form, &app->copied, diag);
	if (!error)
		error = cs_sink_finish(&app->copied, diag);
	if (!error && app->copied.size > CSV_COPY_MAX)
		error = cs_diag_set(diag, -E2BIG,
		                    "copy %s: terminals take no more than %s; s saves it to a file",
		                    cs_text_bytes((double)app->copied.size).s,
		                    cs_text_bytes(CSV_COPY_MAX).s);
	if (error) {
		cs_sink_release(&app->copied);
		cs_sink_to_memory(&app->copied);
	}
	return error;
}
