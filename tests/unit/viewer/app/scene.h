/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the app share: a folder of their own for the files that they make, a recording
 * of one process with goroutines, and an app that shows it.
 */
#ifndef CS_TEST_APP_SCENE_H
#define CS_TEST_APP_SCENE_H

#include <stddef.h>
#include <stdint.h>

#include "app/app.h"
#include "trace/trace.h"

#define SCENE_WIDTH 100
#define SCENE_HEIGHT 30

/* Of a group of tests; what they make in the folder, they remove. */
int scene_begin(void **state);
int scene_end(void **state);

/* Of NAME in the folder. Both stand until scene_end(). */
const char *scene_path(char path[64], const char *name);

struct scene_recording {
	struct cs_model *model;
	struct cs_trace_writer *writer;
	uint32_t process, runtime;
};

/* A recording without goroutines in the file PATH, to be added to, and ended. */
void scene_record(struct scene_recording *recording, const char *path, uint64_t tick_ns);
void scene_recorded(struct scene_recording *recording);

/* Shows the trace PATH. All work is done, and it is drawn. The caller closes it. */
void scene_open(struct csv_app *app, const char *path);

/* Does what is to be done, and draws. */
void scene_settle(struct csv_app *app);
void scene_draw(struct csv_app *app);

#endif
