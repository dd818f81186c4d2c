/* SPDX-License-Identifier: Apache-2.0 */
#include "story.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/unit.h"

#include "model/books.h"
#include "model/coroutine.h"
#include "story_coroutines.h"

#define PROCESSES_MAX 6
#define THREADS_MAX 4
#define SLOTS 400

struct actor {
	struct cs_books *books;
	uint32_t process;
	uint32_t threads[THREADS_MAX];
	unsigned thread_count;
};

struct stage {
	const struct story *story;
	struct cs_model *model;
	struct actor actors[PROCESSES_MAX];
	unsigned actor_count;
	uint64_t seed;
	uint64_t now;
	struct coroutine_stage coroutines;
};

static uint64_t draw(struct stage *stage)
{
	uint64_t x = stage->seed += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static void add_thread(struct stage *stage, struct actor *actor)
{
	uint32_t id;

	if (actor->thread_count == THREADS_MAX)
		return;
	id = cs_model_thread(stage->model, actor->process, 1000 + actor->thread_count, stage->now);
	snprintf(cs_model_thread_at(stage->model, id)->name, 16, "worker %u", actor->thread_count);
	actor->threads[actor->thread_count++] = id;
}

static void add_process(struct stage *stage, const struct actor *parent)
{
	struct actor *actor = &stage->actors[stage->actor_count++];
	char executable[] = "/usr/bin/story";
	char arguments[] = "story --of \"a\" heap\n";
	struct cs_process start = {
		.pid = 4000 + stage->actor_count,
		.parent_pid = parent ? 4001 : 1,
		.parent = parent ? parent->process : 0,
		.forked = parent != NULL,
		.heap_mean_bytes = stage->story->mean,
		.start_ns = stage->now,
		.boot_ticks = 77,
		.executable = executable,
		.arguments = stage->actor_count % 2 ? arguments : NULL,
	};

	actor->process = cs_model_process(stage->model, &start);
	actor->books = parent ? cs_books_fork(parent->books, actor->process)
	                      : cs_books_new(stage->model, actor->process, stage->story->mean);
	add_thread(stage, actor);
}

/* A stack of two to four frames in one of three modules. */
static uint32_t random_node(struct stage *stage)
{
	static const uint8_t build_id[20] = {0xde, 0xad, 1, 2, 3};
	uint64_t which = draw(stage) % stage->story->code;
	uint32_t node = 0;

	for (uint64_t depth = 2 + which % 3; depth > 0; depth--) {
		uint64_t place = depth == 1 ? which : which / 4 + depth * 1000;
		char path[32];
		uint32_t module = 0;

		snprintf(path, sizeof(path), "/usr/lib/lib%c.so", (char)('a' + place % 3));
		if (place % 7)
			module = cs_model_module(stage->model, path, build_id, place % 3 ? 0 : 20);
		node = cs_model_node(stage->model, node,
		                     cs_model_frame(stage->model, module, 0x1000 + place * 16));
	}
	return node;
}

static void heap_event(struct stage *stage)
{
	struct actor *actor = &stage->actors[draw(stage) % stage->actor_count];
	uint32_t thread = actor->threads[draw(stage) % actor->thread_count];
	uint64_t address = 0x7f0000001000 + draw(stage) % SLOTS * 64;
	uint64_t what = draw(stage) % 100;
	uint64_t size = draw(stage) % 3 ? draw(stage) % 200 : draw(stage) % 100000;

	if (what < 45) {
		cs_books_release(actor->books, thread, address, false, stage->now);
	} else if (what < 48) {
		cs_books_release(actor->books, thread, address, true, stage->now);
		cs_books_restore(actor->books, thread, address, stage->now);
	} else {
		uint32_t node = random_node(stage);
		uint32_t spawn = stage->story->coroutines ? node - (uint32_t)(size % 2) : 0;
		uint32_t cell =
			cs_model_spawned_cell(stage->model, actor->process, thread, node, spawn);

		cs_books_alloc(actor->books, thread, cell, address, size, stage->now);
	}
}

static void take_reading(struct stage *stage)
{
	struct actor *actor = &stage->actors[draw(stage) % stage->actor_count];
	struct cs_process *process = cs_model_process_at(stage->model, actor->process);

	if (!process->memory)
		process->memory = calloc(1, sizeof(*process->memory));
	process->memory->time_ns = stage->now;
	process->memory->rss = draw(stage) % 1000000;
	process->memory->maps = 12;
	process->counters[draw(stage) % 20] += 3;
	process->emitted += 1000;
	cs_books_map(actor->books, 0x10000 + draw(stage) % 50 * 0x1000, 0x3000);
	cs_model_process_changed(stage->model, actor->process);
}

static void end_something(struct stage *stage)
{
	struct actor *actor = &stage->actors[draw(stage) % stage->actor_count];
	uint32_t id = actor->threads[draw(stage) % actor->thread_count];
	struct cs_process *process = cs_model_process_at(stage->model, actor->process);

	cs_model_thread_at(stage->model, id)->end_ns = stage->now;
	cs_model_thread_changed(stage->model, id);
	process->end_seen = true;
	process->cpu_ns = stage->now / 3;
	if (!process->refusal)
		process->refusal = strdup("because");
	cs_model_process_changed(stage->model, actor->process);
}

static void play_tick(struct stage *stage, struct cs_trace_writer *writer)
{
	uint64_t from = stage->now;

	if (stage->actor_count < PROCESSES_MAX && draw(stage) % 5 == 0)
		add_process(stage, &stage->actors[draw(stage) % stage->actor_count]);
	if (draw(stage) % 3 == 0)
		add_thread(stage, &stage->actors[draw(stage) % stage->actor_count]);
	if (draw(stage) % 3 == 0)
		take_reading(stage);
	if (draw(stage) % 7 == 0)
		end_something(stage);
	for (unsigned i = 0; i < stage->story->events; i++) {
		stage->now = from + (i + 1) * (STORY_TICK_NS / (stage->story->events + 1));
		heap_event(stage);
	}
	stage->now = from + STORY_TICK_NS;
	cs_model_set_now(stage->model, stage->now);
	if (stage->story->coroutines)
		coroutine_tick(&stage->coroutines, writer, stage->story->coroutines);
}

struct cs_model *story_play(const struct story *story, unsigned ticks,
                            struct cs_trace_writer *writer)
{
	struct stage stage = {.story = story, .model = cs_model_new(), .seed = story->seed};

	stage.coroutines = (struct coroutine_stage){.model = stage.model, .seed = story->seed};
	add_process(&stage, NULL);
	for (unsigned tick = 1; tick <= ticks; tick++) {
		play_tick(&stage, writer);
		if (writer && tick % 4 == 0)
			assert_int_equal(cs_trace_write_loss(writer, 1, stage.now - STORY_TICK_NS,
			                                     stage.now, tick),
			                 0);
		if (writer)
			assert_int_equal(cs_trace_write_tick(writer, stage.model), 0);
		else
			cs_model_sweep_coroutines(stage.model);
		if (writer && story->keyframe_every && tick % story->keyframe_every == 0)
			assert_int_equal(cs_trace_write_keyframe(writer, stage.model), 0);
	}
	for (unsigned i = 0; i < stage.actor_count; i++)
		cs_books_free(stage.actors[i].books);
	return stage.model;
}

struct cs_symbols *story_symbols(const struct cs_model *model)
{
	struct cs_symbols *symbols = cs_symbols_new();

	for (uint32_t id = 1; id <= cs_model_frame_count(model); id++) {
		char function[32], inlined[32];
		struct cs_name names[2] = {{inlined, "in.h", id, true},
		                           {function, "out.c", 7, false}};

		snprintf(function, sizeof(function), "function_%u", id / 3);
		snprintf(inlined, sizeof(inlined), "inlined_%u", id);
		if (id % 4 == 0)
			names[1].file = NULL;
		if (id % 5)
			cs_symbols_set(symbols, id, id % 2 ? names : names + 1, id % 2 ? 2 : 1);
	}
	return symbols;
}

void story_write(const struct story *story, const char *path)
{
	char command[] = "story --of heap", host[] = "stage", kernel[] = "6.1", arch[] = "x86_64";
	char recorder[] = "coroscope test", ended[] = "program ended";
	const struct cs_trace_session session = {
		.wall_start_ns = 1700000000,
		.mono_start_ns = 5,
		.heap_mean_bytes = story->mean,
		.tick_ns = STORY_TICK_NS,
		.command = command,
		.host = host,
		.kernel = kernel,
		.arch = arch,
		.recorder = recorder,
	};
	const struct cs_trace_summary summary = {
		.duration_ns = story->ticks * STORY_TICK_NS,
		.exit_status = 256,
		.events = 1234,
		.ended_by = ended,
	};
	struct cs_trace_writer *writer = cs_trace_create(path, &session, NULL);
	struct cs_model *model;
	struct cs_symbols *symbols;

	assert_non_null(writer);
	model = story_play(story, story->ticks, writer);
	symbols = story_symbols(model);
	if (!story->unfinished)
		assert_int_equal(cs_trace_write_symbols(writer, model, symbols), 0);
	assert_int_equal(cs_trace_finish(writer, story->unfinished ? NULL : &summary, NULL), 0);
	cs_symbols_free(symbols);
	cs_model_free(model);
}

struct story_file story_read_file(const char *path)
{
	struct story_file file = {0};
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return file;
	assert_int_equal(fstat(fd, &status), 0);
	file.size = (size_t)status.st_size;
	file.bytes = malloc(file.size + 1);
	assert_int_equal(read(fd, file.bytes, file.size), file.size);
	close(fd);
	return file;
}

struct story_file story_record(const struct story *story)
{
	char path[] = "/tmp/coroscope-story-XXXXXX";
	struct story_file file;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	story_write(story, path);
	file = story_read_file(path);
	unlink(path);
	return file;
}

struct story_file story_copy(struct story_file file)
{
	struct story_file copy = {.bytes = malloc(file.size + 1), .size = file.size};

	memcpy(copy.bytes, file.bytes, file.size);
	return copy;
}

struct cs_trace *story_open(struct story_file file, struct cs_diag *diag)
{
	int fd = memfd_create("story", MFD_CLOEXEC);

	assert_int_equal(write(fd, file.bytes, file.size), file.size);
	return cs_trace_open_fd(fd, "story.coro", diag);
}

/* ---- comparing ---- */

static void assert_text(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
}

static void same_process(const struct cs_process *a, const struct cs_process *b)
{
	struct cs_process x = *a, y = *b;

	assert_text(a->executable, b->executable);
	assert_text(a->arguments, b->arguments);
	assert_text(a->refusal, b->refusal);
	assert_int_equal(!a->memory, !b->memory);
	if (a->memory)
		assert_memory_equal(a->memory, b->memory, sizeof(*a->memory));
	x.executable = y.executable = x.arguments = y.arguments = NULL;
	x.refusal = y.refusal = NULL;
	x.memory = y.memory = NULL;
	assert_memory_equal(x.counters, y.counters, sizeof(x.counters));
	assert_true(x.inuse_bytes == y.inuse_bytes && x.inuse_objects == y.inuse_objects);
	assert_true(x.peak_bytes == y.peak_bytes && x.peak_epoch == y.peak_epoch);
	assert_memory_equal(&x, &y, sizeof(x));
}

static void same_cell(const struct cs_cell *a, const struct cs_cell *b, const struct cs_process *of)
{
	bool at_peak = b->peak_epoch == of->peak_epoch;

	assert_int_equal(a->process, b->process);
	assert_int_equal(a->thread, b->thread);
	assert_int_equal(a->node, b->node);
	assert_int_equal(a->spawn, b->spawn);
	assert_memory_equal(&a->sum, &b->sum, sizeof(a->sum));
	if (!b->sum.samples)
		return; /* never held anything: whatever its peak says is 0 */
	assert_int_equal(a->peak_epoch == of->peak_epoch, at_peak);
	if (!at_peak)
		return;
	assert_true(a->peak_bytes == b->peak_bytes && a->peak_objects == b->peak_objects);
	assert_true(a->peak_samples == b->peak_samples);
	assert_true(a->peak_bytes_var == b->peak_bytes_var);
	assert_true(a->peak_objects_var == b->peak_objects_var);
}

/* The recorder's own frame (definitions lost) is not in a model that was never recorded. */
static void same_code(const struct cs_model *loaded, const struct cs_model *model)
{
	assert_int_equal(cs_model_module_count(loaded), cs_model_module_count(model));
	for (uint32_t id = 1; id <= cs_model_module_count(model); id++) {
		const struct cs_module *a = cs_model_module_at(loaded, id);
		const struct cs_module *b = cs_model_module_at(model, id);

		assert_string_equal(a->path, b->path);
		assert_int_equal(a->build_id_bytes, b->build_id_bytes);
		assert_memory_equal(a->build_id, b->build_id, 32);
	}
	assert_int_equal(cs_model_node_count(loaded), cs_model_node_count(model));
	for (uint32_t id = 1; id <= cs_model_node_count(model); id++) {
		const struct cs_node *a = cs_model_node_at(loaded, id);
		const struct cs_node *b = cs_model_node_at(model, id);
		const struct cs_frame *x = cs_model_frame_at(loaded, a->frame);
		const struct cs_frame *y = cs_model_frame_at(model, b->frame);

		assert_int_equal(a->parent, b->parent);
		assert_true(x->module == y->module && x->offset == y->offset);
	}
}

static void same_thread(const struct cs_thread *a, const struct cs_thread *b)
{
	struct cs_thread x = *a, y = *b;

	x.coroutine = y.coroutine = 0; /* a slot: coroutines_assert_same() looks at it */
	assert_memory_equal(&x, &y, sizeof(x));
}

void story_assert_same(const struct cs_model *loaded, const struct cs_model *model)
{
	assert_true(cs_model_now(loaded) == cs_model_now(model));
	same_code(loaded, model);
	assert_int_equal(cs_model_process_count(loaded), cs_model_process_count(model));
	for (uint32_t id = 1; id <= cs_model_process_count(model); id++)
		same_process(cs_model_process_at(loaded, id), cs_model_process_at(model, id));
	assert_int_equal(cs_model_thread_count(loaded), cs_model_thread_count(model));
	for (uint32_t id = 1; id <= cs_model_thread_count(model); id++)
		same_thread(cs_model_thread_at(loaded, id), cs_model_thread_at(model, id));
	assert_int_equal(cs_model_cell_count(loaded), cs_model_cell_count(model));
	for (uint32_t id = 1; id <= cs_model_cell_count(model); id++) {
		const struct cs_cell *cell = cs_model_cell_at(model, id);

		same_cell(cs_model_cell_at(loaded, id), cell,
		          cs_model_process_at(model, cell->process));
	}
	coroutines_assert_same(loaded, model);
}

struct cs_model *story_load(struct cs_trace *trace, uint64_t time_ns, struct cs_symbols *symbols)
{
	struct cs_model *model = cs_model_new();
	struct cs_diag diag = {0};

	if (cs_trace_load(trace, time_ns, model, symbols, &diag))
		fail_msg("cannot %s", diag.text);
	return model;
}

void story_check_every_tick(const struct story *story)
{
	struct story_file file = story_record(story);
	struct cs_trace *trace = story_open(file, NULL);

	assert_non_null(trace);
	assert_null(cs_trace_warning(trace));
	for (unsigned tick = 1; tick <= story->ticks; tick++) {
		struct cs_model *model = story_play(story, tick, NULL);
		struct cs_model *loaded = story_load(trace, tick * STORY_TICK_NS + 5, NULL);

		story_assert_same(loaded, model);
		cs_model_free(loaded);
		cs_model_free(model);
	}
	assert_null(cs_trace_warning(trace));
	assert_int_equal(cs_trace_check(trace), 0);
	cs_trace_close(trace);
	free(file.bytes);
}
