/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/profiler/command/scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/command.h"
#include "support/unit.h"
#include "trace/trace.h"

#define SEC UINT64_C(1000000000)

enum { MAIN, PARSE, GROW, WORK, SEND, NAMES };

struct stage {
	struct cs_model *model;
	struct cs_symbols *symbols;
	uint32_t frames[NAMES];
	uint32_t server, helper;
	uint32_t grow, parse, send; /* cells */
};

static uint32_t add_process(struct cs_model *model, uint32_t pid, uint32_t parent, bool exact,
                            const char *name, uint64_t start_ns)
{
	struct cs_process start = {
		.pid = pid,
		.parent = parent,
		.heap_mean_bytes = exact ? 1 : 512 * 1024,
		.start_ns = start_ns,
		.executable = (char *)(uintptr_t)name,
	};

	return cs_model_process(model, &start);
}

static void add_frames(struct stage *stage)
{
	static const char *const names[NAMES] = {"main", "parse", "grow", "work", "send"};
	static const uint8_t build_id[20] = {1, 2, 3};
	uint32_t module =
		cs_model_module(stage->model, "/opt/app/server", build_id, sizeof(build_id));

	for (int i = 0; i < NAMES; i++) {
		struct cs_name name = {
			.function = names[i], .file = "app.c", .line = 10 + (uint32_t)i};

		stage->frames[i] =
			cs_model_frame(stage->model, module, 0x1000 + 0x10 * (uint64_t)i);
		cs_symbols_set(stage->symbols, stage->frames[i], &name, 1);
	}
}

static uint32_t stack(struct stage *stage, int outer, int inner, int innermost)
{
	uint32_t node = cs_model_node(stage->model, 0, stage->frames[outer]);

	node = cs_model_node(stage->model, node, stage->frames[inner]);
	return innermost < 0 ? node : cs_model_node(stage->model, node, stage->frames[innermost]);
}

static void add_definitions(struct stage *stage, bool exact)
{
	struct cs_model *model = stage->model;
	uint32_t first, worker, other;

	add_frames(stage);
	stage->server = add_process(model, 100, 0, exact, "/opt/app/server", 0);
	first = cs_model_thread(model, stage->server, 100, 0);
	worker = cs_model_thread(model, stage->server, 101, SEC);
	strcpy(cs_model_thread_at(model, first)->name, "main");
	strcpy(cs_model_thread_at(model, worker)->name, "worker");
	stage->grow = cs_model_cell(model, stage->server, first, stack(stage, MAIN, PARSE, GROW));
	stage->parse = cs_model_cell(model, stage->server, worker, stack(stage, WORK, PARSE, -1));

	stage->helper = add_process(model, 200, stage->server, exact, "/opt/app/helper", 2 * SEC);
	other = cs_model_thread(model, stage->helper, 200, 2 * SEC);
	stage->send = cs_model_cell(model, stage->helper, other, stack(stage, MAIN, SEND, -1));
}

static void alloc(struct stage *stage, uint32_t cell, uint64_t bytes, uint64_t objects)
{
	cs_model_heap_alloc(stage->model, cell, bytes, objects * CS_OBJECT, 0, 0);
}

static void tick(struct stage *stage, struct cs_trace_writer *writer, uint64_t seconds)
{
	cs_model_set_now(stage->model, seconds * SEC);
	cs_model_heap_peak(stage->model, stage->server, seconds * SEC);
	cs_model_heap_peak(stage->model, stage->helper, seconds * SEC);
	assert_int_equal(cs_trace_write_tick(writer, stage->model), 0);
}

static void play(struct stage *stage, struct cs_trace_writer *writer)
{
	alloc(stage, stage->grow, 1000, 10);
	tick(stage, writer, 1);
	alloc(stage, stage->grow, 3000, 30);
	alloc(stage, stage->parse, 500, 5);
	tick(stage, writer, 2);
	assert_int_equal(cs_trace_write_keyframe(writer, stage->model), 0);
	cs_model_heap_free(stage->model, stage->grow, 3000, 30 * CS_OBJECT, 0, 0, false);
	alloc(stage, stage->send, 96, 3);
	tick(stage, writer, 3);
	assert_int_equal(cs_trace_write_keyframe(writer, stage->model), 0);
	assert_int_equal(cs_trace_write_symbols(writer, stage->model, stage->symbols), 0);
}

void scene_begin(struct scene *scene, bool exact)
{
	struct cs_trace_session session = {
		.heap_mean_bytes = exact ? 1 : 512 * 1024,
		.tick_ns = SEC,
		.command = (char *)(uintptr_t) "server --port 80",
		.recorder = (char *)(uintptr_t) "coroscope 0.0.0",
	};
	struct cs_trace_summary summary = {
		.duration_ns = 3 * SEC,
		.events = 6,
		.ended_by = (char *)(uintptr_t) "program ended",
	};
	struct stage stage = {.model = cs_model_new(), .symbols = cs_symbols_new()};
	struct cs_diag diag = {0};

	memset(scene, 0, sizeof(*scene));
	strcpy(scene->folder, "/tmp/coroscope-test.XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	snprintf(scene->path, sizeof(scene->path), "%s/app.coro", scene->folder);

	struct cs_trace_writer *writer = cs_trace_create(scene->path, &session, &diag);
	assert_non_null(writer);
	add_definitions(&stage, exact);
	play(&stage, writer);
	assert_int_equal(cs_trace_finish(writer, &summary, &diag), 0);
	cs_symbols_free(stage.symbols);
	cs_model_free(stage.model);
}

void scene_end(struct scene *scene)
{
	unlink(scene->path);
	rmdir(scene->folder);
	free(scene->out);
	free(scene->err);
}

void scene_cut(struct scene *scene, int percent)
{
	struct stat status;

	assert_int_equal(stat(scene->path, &status), 0);
	assert_int_equal(truncate(scene->path, status.st_size * percent / 100), 0);
}

/* ---- running ---- */

/* Everything in FILE, which is closed. */
static char *take_text(FILE *file)
{
	long bytes;

	fseek(file, 0, SEEK_END);
	bytes = ftell(file);
	rewind(file);
	char *text = calloc(1, (size_t)bytes + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)bytes, file), (size_t)bytes);
	fclose(file);
	return text;
}

/* LINE as argv; the words are in TEXT and in SCENE. */
static int split(struct scene *scene, char *text, char **argv, int room)
{
	int count = 0;

	argv[count++] = (char *)(uintptr_t) "coroscope";
	for (char *word = strtok(text, " "); word && count < room - 1; word = strtok(NULL, " ")) {
		char *percent = strchr(word, '%');
		static char whole[8][256];

		if (percent) {
			snprintf(whole[count % 8], sizeof(whole[0]), "%.*s%s%s",
			         (int)(percent - word), word, scene->path, percent + 1);
			word = whole[count % 8];
		}
		argv[count++] = word;
	}
	argv[count] = NULL;
	return count;
}

void scene_run(struct scene *scene, const char *line)
{
	FILE *out = tmpfile(), *err = tmpfile();
	int status;

	assert_true(out && err);
	free(scene->out);
	free(scene->err);
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char text[512], *argv[32];

		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		snprintf(text, sizeof(text), "%s", line);
		int count = split(scene, text, argv, 32);
		/* exit(), so that a leak counts as a failure where sanitizers look for them. */
		exit(cs_command_main(count, argv));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	scene->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	scene->out = take_text(out);
	scene->err = take_text(err);
}
