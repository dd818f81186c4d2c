/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view: one constant of struct csv_view, one line in registry.c. The tab bar, the keys 1 to 9
 * and the help come from that list.
 *
 * A view owns its state alone. It is handed scenes and actions, draws on the area that it is
 * given, and never waits.
 */
#ifndef CSV_VIEW_VIEW_H
#define CSV_VIEW_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/pace.h"
#include "base/sink.h"
#include "canvas/canvas.h"
#include "view/save.h"
#include "view/scene.h"
#include "widget/action.h"

struct csv_view {
	const char *name;    /* "coroutines": tab, config file, --view */
	bool history;        /* wants scene.start and the census of earlier moments */
	bool timeline;       /* wants scene.series */
	void *(*open)(void); /* NULL: no memory */
	void (*close)(void *state);
	/* A new scene, or something that changes what is shown. 0 or -ENOMEM. */
	int (*update)(void *state, const struct csv_scene *scene);
	/*
	 * NEXT is the scene that update() will see next, unless it is told of another; it is made
	 * ready for it out of sight, with rests at PACE, in which everything else may be called.
	 * Another view of the same may be asked for in one: that ends it (-EAGAIN), it is called
	 * anew then. 0, -ENOMEM or what a rest gave. NULL: its update() takes no time.
	 */
	int (*prepare)(void *state, const struct csv_scene *next, const struct cs_pace *pace);
	void (*draw)(void *state, const struct csv_scene *scene, struct csv_canvas *canvas,
	             struct csv_area area);
	/* May be NULL. After CSV_CHANGED update() follows. */
	enum csv_effect (*action)(void *state, const struct csv_scene *scene,
	                          enum csv_action action);
	/* Within the area that was drawn last. May be NULL. */
	bool (*click)(void *state, const struct csv_scene *scene, int x, int y, int clicks);
	/* "": no filter. 0, or -EINVAL with DIAG. NULL: this view can't be filtered. */
	int (*filter)(void *state, const char *text, struct cs_diag *diag);
	/* To the next (+1), last (-1) or, with 0, nearest match of scene.needle. NULL: none. */
	bool (*search)(void *state, const struct csv_scene *scene, int direction);
	/* It wants coroutines in the snapshot scene.now, which of many takes its time. May be NULL. */
	bool (*whole)(const void *state);
	/* Whose past is wanted in scene.story; NULL: nobody's. May be NULL. */
	const struct csv_who *(*watches)(const void *state);
	/* What is shown and how, in a few words. */
	void (*describe)(const void *state, char *text, size_t bytes);
	/* What is shown as data, JSON or folded, of a whole scene. As in save.h. NULL: text only. */
	int (*save)(void *state, const struct csv_scene *scene, enum csv_form form,
	            struct cs_sink *sink);
};

extern const struct csv_view *const csv_views[]; /* NULL-terminated */

/* "coroutines, threads, …", for hints. */
void csv_view_names(char *text, size_t bytes);

extern const struct csv_view csv_view_coroutines;
extern const struct csv_view csv_view_threads;
extern const struct csv_view csv_view_heap;
extern const struct csv_view csv_view_stacks;
extern const struct csv_view csv_view_scheduler;
extern const struct csv_view csv_view_timeline;

#endif
