/* SPDX-License-Identifier: Apache-2.0 */
#include "story_coroutines.h"

#include <stdio.h>
#include <string.h>

#include "support/unit.h"

#include "model/coroutine.h"
#include "model/tally.h"

static uint64_t draw(struct coroutine_stage *stage)
{
	uint64_t x = stage->seed += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	return x ^ (x >> 27);
}

static void change(struct coroutine_stage *stage, uint32_t id)
{
	static const char *const reasons[] = {"sleep", "chan receive", "lock"};
	struct cs_model *model = stage->model;
	struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);
	uint64_t now = cs_model_now(model);

	coroutine->state = (uint8_t)(1 + draw(stage) % 5);
	coroutine->thread =
		(uint32_t)(draw(stage) % 3 ? 0 : 1 + draw(stage) % cs_model_thread_count(model));
	coroutine->reason = draw(stage) % 2 ? 0 : cs_model_text(model, reasons[draw(stage) % 3]);
	coroutine->stack = (uint32_t)(draw(stage) % (cs_model_node_count(model) + 1));
	/* Now and then it waits since before the recording began. */
	coroutine->since_ns = draw(stage) % 4 ? now : -(uint64_t)3600000000000;
	coroutine->since_after_ns = draw(stage) % 2 ? coroutine->since_ns : CS_UNKNOWN;
	coroutine->observed_ns = now;
	coroutine->switches = draw(stage) % 5 ? draw(stage) % 1000 : CS_UNKNOWN;
	coroutine->cpu_ns = draw(stage);
	coroutine->flags = (uint16_t)(draw(stage) & 0x1ff);
	coroutine->stack_used = draw(stage) % 4096;
	if (coroutine->thread) {
		cs_model_thread_at(model, coroutine->thread)->coroutine = id;
		cs_model_thread_changed(model, coroutine->thread);
	}
	if (draw(stage) % 3 == 0)
		cs_model_coroutine_alloc(model, id, draw(stage) % 1000, CS_OBJECT, 0.5, 0.25);
	else if (draw(stage) % 2)
		cs_model_coroutine_free(model, id, 10, CS_OBJECT, 0.5, 0.25);
	cs_model_coroutine_changed(model, id);
}

static uint32_t create(struct coroutine_stage *stage, uint32_t process)
{
	struct cs_model *model = stage->model;
	uint32_t runtime = cs_model_runtime(model, process, draw(stage) % 2 ? "go" : "ucontext",
	                                    draw(stage) % 2 ? "1.0" : NULL);
	uint32_t id = cs_model_coroutine(model, process, runtime, 1 + draw(stage) % 500);
	struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);
	char labels[64];

	assert_non_null(coroutine);
	coroutine->parent_runtime = runtime;
	coroutine->parent_number = draw(stage);
	coroutine->spawn = (uint32_t)(draw(stage) % (cs_model_node_count(model) + 1));
	coroutine->entry = (uint32_t)(draw(stage) % 3); /* the recorder makes frames as well */
	coroutine->created_ns = cs_model_now(model);
	coroutine->stack_low = 0x7f0000000000;
	coroutine->stack_high = 0x7f0000002000;
	snprintf(labels, sizeof(labels), "request=%u\nuser=x", (unsigned)(draw(stage) % 4));
	cs_model_coroutine_set_labels(model, id, draw(stage) % 2 ? labels : NULL);
	cs_model_coroutine_set_name(model, id, draw(stage) % 3 ? NULL : "worker");
	return id;
}

static void count(struct coroutine_stage *stage, uint32_t process)
{
	static const char *const names[] = {"go.sys", "go.heap_inuse"};
	struct cs_model *model = stage->model;
	struct cs_tally key = {
		.process = process,
		.node = (uint32_t)(draw(stage) % (cs_model_node_count(model) + 1)),
		.spawn = (uint32_t)(draw(stage) % (cs_model_node_count(model) + 1)),
		.label = draw(stage) % 2 ? cs_model_text(model, "block") : 0,
		.kind = (uint8_t)(draw(stage) % CS_TALLY_KINDS),
	};

	cs_model_tally_add(model, cs_model_tally(model, &key), draw(stage) % 1000, 1);
	cs_model_figure_set(model,
	                    cs_model_figure(model, process, names[draw(stage) % 2], CS_UNIT_BYTES),
	                    (double)(draw(stage) % 100000) / 8);
}

static void tell(struct coroutine_stage *stage, struct cs_trace_writer *writer, uint32_t id)
{
	const struct cs_coroutine *coroutine = cs_model_coroutine_at(stage->model, id);
	struct cs_trace_event event = {
		.time_ns = cs_model_now(stage->model) - 5 + draw(stage) % 5,
		.kind = (uint8_t)(1 + draw(stage) % (CS_EVENT_KINDS - 1)),
		.process = coroutine->process,
		.thread = coroutine->thread,
		.runtime = coroutine->runtime,
		.number = coroutine->number,
		.text = coroutine->reason,
	};

	stage->told++;
	if (writer)
		assert_int_equal(cs_trace_write_event(writer, &event), 0);
}

void coroutine_tick(struct coroutine_stage *stage, struct cs_trace_writer *writer, unsigned events)
{
	struct cs_model *model = stage->model;
	uint32_t slots;

	for (unsigned i = 0; i < events; i++) {
		uint32_t process = 1 + (uint32_t)(draw(stage) % cs_model_process_count(model));
		uint32_t id = create(stage, process);

		change(stage, id);
		tell(stage, writer, id);
		slots = cs_model_coroutine_slots(model);
		id = 1 + (uint32_t)(draw(stage) % slots);
		if (cs_model_coroutine_at(model, id) && draw(stage) % 3 == 0)
			change(stage, id);
		if (cs_model_coroutine_at(model, id) && draw(stage) % 2)
			cs_model_coroutine_end(model, id, cs_model_now(model));
		count(stage, process);
	}
}

/* ---- comparing ---- */

static bool is_gone(const struct cs_coroutine *coroutine)
{
	return !coroutine ||
	       (coroutine->ended_ns && (!coroutine->heap || coroutine->heap->live_samples == 0));
}

static const struct cs_coroutine *find_same(const struct cs_model *model,
                                            const struct cs_coroutine *like)
{
	for (uint32_t id = 1; id <= cs_model_coroutine_slots(model); id++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);

		/* Of one key, several may have ended, each at its time. */
		if (coroutine && coroutine->process == like->process &&
		    coroutine->runtime == like->runtime && coroutine->number == like->number &&
		    coroutine->ended_ns == like->ended_ns &&
		    coroutine->parent_number == like->parent_number)
			return coroutine;
	}
	return NULL;
}

static void assert_text(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
}

static void same_coroutine(const struct cs_coroutine *a, const struct cs_coroutine *b)
{
	struct cs_coroutine x = *a, y = *b;

	assert_text(a->name, b->name);
	assert_text(a->labels, b->labels);
	assert_int_equal(!a->heap, !b->heap);
	if (a->heap)
		assert_memory_equal(a->heap, b->heap, sizeof(*a->heap));
	x.name = y.name = x.labels = y.labels = NULL;
	x.heap = y.heap = NULL;
	assert_memory_equal(&x, &y, sizeof(x));
}

static void same_coroutines(const struct cs_model *loaded, const struct cs_model *model)
{
	uint32_t there = 0, here = 0;

	for (uint32_t id = 1; id <= cs_model_coroutine_slots(model); id++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id), *same;

		if (is_gone(coroutine))
			continue;
		there++;
		same = find_same(loaded, coroutine);
		assert_non_null(same);
		same_coroutine(same, coroutine);
	}
	for (uint32_t id = 1; id <= cs_model_coroutine_slots(loaded); id++)
		here += cs_model_coroutine_at(loaded, id) != NULL;
	assert_int_equal(here, there);
	for (uint32_t id = 1; id <= cs_model_process_count(model); id++)
		assert_int_equal(cs_model_coroutines_alive(loaded, id),
		                 cs_model_coroutines_alive(model, id));
}

/* The slots differ: who runs on the thread must not. */
static void same_threads(const struct cs_model *loaded, const struct cs_model *model)
{
	for (uint32_t id = 1; id <= cs_model_thread_count(model); id++) {
		const struct cs_coroutine *a, *b;

		a = cs_model_coroutine_at(loaded, cs_model_thread_at(loaded, id)->coroutine);
		b = cs_model_coroutine_at(model, cs_model_thread_at(model, id)->coroutine);
		if (is_gone(b) || b->thread != id)
			continue;
		assert_non_null(a);
		assert_true(a->number == b->number && a->runtime == b->runtime);
	}
}

void coroutines_assert_same(const struct cs_model *loaded, const struct cs_model *model)
{
	assert_int_equal(cs_model_text_count(loaded), cs_model_text_count(model));
	for (uint32_t id = 1; id <= cs_model_text_count(model); id++)
		assert_string_equal(cs_model_text_at(loaded, id), cs_model_text_at(model, id));
	assert_int_equal(cs_model_runtime_count(loaded), cs_model_runtime_count(model));
	for (uint32_t id = 1; id <= cs_model_runtime_count(model); id++) {
		assert_string_equal(cs_model_runtime_at(loaded, id)->name,
		                    cs_model_runtime_at(model, id)->name);
		assert_text(cs_model_runtime_at(loaded, id)->version,
		            cs_model_runtime_at(model, id)->version);
	}
	same_coroutines(loaded, model);
	same_threads(loaded, model);
	assert_int_equal(cs_model_tally_count(loaded), cs_model_tally_count(model));
	for (uint32_t id = 1; id <= cs_model_tally_count(model); id++) {
		struct cs_tally a = *cs_model_tally_at(loaded, id);
		struct cs_tally b = *cs_model_tally_at(model, id);

		a.dirty = b.dirty = false;
		assert_memory_equal(&a, &b, sizeof(a));
	}
	assert_int_equal(cs_model_figure_count(loaded), cs_model_figure_count(model));
	for (uint32_t id = 1; id <= cs_model_figure_count(model); id++) {
		const struct cs_figure *a = cs_model_figure_at(loaded, id);
		const struct cs_figure *b = cs_model_figure_at(model, id);

		assert_true(a->known == b->known && a->value == b->value && a->name == b->name);
		assert_true(a->unit == b->unit && a->process == b->process);
	}
}
