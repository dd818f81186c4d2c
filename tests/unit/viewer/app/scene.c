/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/unit.h"

static char folder[] = "/tmp/coroscope-app-XXXXXX";

int scene_begin(void **state)
{
	(void)state;
	setlocale(LC_CTYPE, "C.UTF-8");
	return mkdtemp(folder) ? 0 : -1;
}

int scene_end(void **state)
{
	(void)state;
	return rmdir(folder);
}

const char *scene_path(char path[64], const char *name)
{
	snprintf(path, 64, "%s/%s", folder, name);
	return path;
}

void scene_record(struct scene_recording *recording, const char *path, uint64_t tick_ns)
{
	const struct cs_trace_session session = {.tick_ns = tick_ns, .recorder = (char *)"test"};
	const struct cs_process process = {.pid = 1, .executable = (char *)"/srv/x"};
	struct cs_diag diag = {0};

	recording->model = cs_model_new();
	recording->writer = cs_trace_create(path, &session, &diag);
	assert_non_null(recording->writer);
	recording->process = cs_model_process(recording->model, &process);
	recording->runtime = cs_model_runtime(recording->model, recording->process, "go", NULL);
}

void scene_recorded(struct scene_recording *recording)
{
	const struct cs_trace_summary summary = {.ended_by = (char *)"test"};
	struct cs_diag diag = {0};

	assert_int_equal(cs_trace_finish(recording->writer, &summary, &diag), 0);
	cs_model_free(recording->model);
}

void scene_draw(struct csv_app *app)
{
	assert_int_equal(csv_app_draw(app, SCENE_WIDTH, SCENE_HEIGHT), 0);
}

void scene_settle(struct csv_app *app)
{
	while (csv_app_work(app))
		;
}

void scene_open(struct csv_app *app, const char *path)
{
	struct cs_diag diag = {0};
	struct csv_session *session = csv_session_open(path, &diag);

	assert_non_null(session);
	assert_int_equal(csv_app_open(app, session, "test", &diag), 0);
	scene_settle(app);
	scene_draw(app);
}
