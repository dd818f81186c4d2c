/* SPDX-License-Identifier: Apache-2.0 */
/* Coroutines, tallies, figures and events: what was recorded is what is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

#include "model/coroutine.h"
#include "model/tally.h"
#include "story.h"
#include "story_coroutines.h"
#include "trace/trace.h"

static const struct story with_coroutines = {
	.seed = 21,
	.ticks = 20,
	.keyframe_every = 4,
	.mean = 1,
	.events = 30,
	.code = 20,
	.coroutines = 40,
};

/* A view follows a growing trace: stretch by stretch it must come to what a load gives. */
static void going_on_comes_to_the_same(void **state)
{
	struct story_file file = story_record(&with_coroutines);
	struct cs_trace *trace = story_open(file, NULL);
	struct cs_trace_place *place = cs_trace_place_new();
	struct cs_model *model = cs_model_new(), *whole = story_load(trace, UINT64_MAX, NULL);
	uint32_t chunks = cs_trace_chunk_count(trace);

	(void)state;
	for (uint32_t done = 3; done < chunks + 3; done += 3)
		assert_int_equal(cs_trace_load_more(trace, place, done, model, NULL, NULL), 0);
	story_assert_same(model, whole);
	assert_null(cs_trace_warning(trace));
	cs_trace_place_free(place);
	cs_model_free(model);
	cs_model_free(whole);
	cs_trace_close(trace);
	free(file.bytes);
}

static void every_tick_reads_as_it_was(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct story story = with_coroutines;

		story.seed = seed;
		story_check_every_tick(&story);
		story.keyframe_every = 0;
		story_check_every_tick(&story);
	}
}

/* What a recorder keeps, and what a file takes, must not grow with all that ever was. */
static void a_coroutine_of_one_tick_leaves_no_record(void **state)
{
	char path[] = "/tmp/coroscope-trace-short-lived";
	const struct cs_trace_session session = {.tick_ns = STORY_TICK_NS};
	struct cs_trace_writer *writer = cs_trace_create(path, &session, NULL);
	struct cs_model *model = cs_model_new();
	struct cs_process start = {.pid = 1};
	uint32_t process = cs_model_process(model, &start);
	uint32_t runtime = cs_model_runtime(model, process, "go", NULL);
	uint64_t number = 0, before;

	(void)state;
	assert_non_null(writer);
	assert_int_equal(cs_trace_write_tick(writer, model), 0);
	before = cs_trace_bytes(writer);
	for (int tick = 1; tick <= 10; tick++) {
		for (int i = 0; i < 1000; i++)
			cs_model_coroutine_end(
				model, cs_model_coroutine(model, process, runtime, ++number), 1);
		cs_model_set_now(model, (uint64_t)tick * STORY_TICK_NS);
		assert_int_equal(cs_trace_write_tick(writer, model), 0);
	}
	assert_int_equal(cs_trace_bytes(writer), before);
	assert_in_range(cs_model_coroutine_slots(model), 1, 1000);
	cs_trace_finish(writer, NULL, NULL);
	cs_model_free(model);
	remove(path);
}

static void change_all(struct cs_model *model, uint64_t by)
{
	for (uint32_t id = 1; id <= cs_model_coroutine_slots(model); id++) {
		struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);

		/* So that they take room in the file as well. */
		coroutine->cpu_ns = (coroutine->number + by) * UINT64_C(0x9e3779b97f4a7c15) >> 8;
		coroutine->stack_low = coroutine->cpu_ns << 4;
		coroutine->stack_high = coroutine->stack_low + 8192;
		cs_model_coroutine_changed(model, id);
	}
}

/* A million that wait must not fill the disk with keyframes that say so. */
static void a_keyframe_pays_when_as_much_has_changed(void **state)
{
	char path[] = "/tmp/coroscope-trace-keyframes";
	const struct cs_trace_session session = {.tick_ns = STORY_TICK_NS};
	struct cs_trace_writer *writer = cs_trace_create(path, &session, NULL);
	struct cs_model *model = cs_model_new();
	struct cs_process start = {.pid = 1};
	uint32_t process = cs_model_process(model, &start);
	uint32_t runtime = cs_model_runtime(model, process, "ucontext", NULL);

	(void)state;
	assert_int_equal(cs_trace_write_tick(writer, model), 0);
	assert_true(cs_trace_keyframe_pays(writer));
	assert_int_equal(cs_trace_write_keyframe(writer, model), 0);
	assert_true(cs_trace_keyframe_pays(writer)); /* of a small one */
	for (uint64_t number = 1; number <= 40000; number++)
		cs_model_coroutine(model, process, runtime, number);
	change_all(model, 1);
	cs_model_set_now(model, STORY_TICK_NS);
	assert_int_equal(cs_trace_write_tick(writer, model), 0);
	assert_int_equal(cs_trace_write_keyframe(writer, model), 0);
	assert_false(cs_trace_keyframe_pays(writer));
	cs_model_set_now(model, 2 * STORY_TICK_NS);
	assert_int_equal(cs_trace_write_tick(writer, model), 0);
	assert_false(cs_trace_keyframe_pays(writer));
	for (uint64_t tick = 3; tick <= 4; tick++) {
		change_all(model, tick);
		cs_model_set_now(model, tick * STORY_TICK_NS);
		assert_int_equal(cs_trace_write_tick(writer, model), 0);
	}
	assert_true(cs_trace_keyframe_pays(writer));
	cs_trace_finish(writer, NULL, NULL);
	cs_model_free(model);
	remove(path);
}

/* ---- events ---- */

struct seen {
	unsigned count;
	uint64_t first_ns, last_ns;
	unsigned stop_after; /* 0: never */
};

static int see(void *context, const struct cs_trace_event *event)
{
	struct seen *seen = context;

	assert_in_range(event->kind, 1, CS_EVENT_KINDS - 1);
	assert_int_not_equal(event->number, 0);
	if (!seen->count++)
		seen->first_ns = event->time_ns;
	seen->last_ns = event->time_ns;
	return seen->count == seen->stop_after ? 77 : 0;
}

static void events_of_an_interval_come_back(void **state)
{
	struct story_file file = story_record(&with_coroutines);
	struct cs_trace *trace = story_open(file, NULL);
	struct seen all = {0}, some = {0}, few = {.stop_after = 3};

	(void)state;
	assert_int_equal(cs_trace_events(trace, 0, UINT64_MAX, see, &all, NULL), 0);
	assert_int_equal(all.count, with_coroutines.ticks * with_coroutines.coroutines);
	assert_int_equal(
		cs_trace_events(trace, 4 * STORY_TICK_NS, 7 * STORY_TICK_NS, see, &some, NULL), 0);
	/* Each tick's are in the five nanoseconds before its end. */
	assert_int_equal(some.count, 3 * with_coroutines.coroutines);
	assert_true(some.first_ns > 4 * STORY_TICK_NS && some.last_ns <= 7 * STORY_TICK_NS);
	assert_int_equal(cs_trace_events(trace, 0, UINT64_MAX, see, &few, NULL), 77);
	assert_int_equal(few.count, 3);
	cs_trace_close(trace);
	free(file.bytes);
}

/* More events than a chunk takes, before the tick that would have written them. */
static void a_million_events_of_one_tick_come_back(void **state)
{
	char path[] = "/tmp/coroscope-trace-many-events";
	const struct cs_trace_session session = {.tick_ns = STORY_TICK_NS};
	struct cs_trace_writer *writer = cs_trace_create(path, &session, NULL);
	const struct cs_trace_summary summary = {.duration_ns = 1000000};
	struct cs_model *model = cs_model_new();
	struct seen seen = {0};
	struct cs_trace *trace;

	(void)state;
	assert_int_equal(cs_trace_write_tick(writer, model), 0);
	for (uint64_t i = 1; i <= 1000000; i++) {
		struct cs_trace_event event = {.time_ns = i, .kind = CS_EVENT_RUN, .number = i};

		assert_int_equal(cs_trace_write_event(writer, &event), 0);
	}
	cs_model_set_now(model, 1000000);
	assert_int_equal(cs_trace_write_tick(writer, model), 0);
	assert_int_equal(cs_trace_finish(writer, &summary, NULL), 0);
	trace = cs_trace_open(path, NULL);
	assert_int_equal(cs_trace_events(trace, 0, UINT64_MAX, see, &seen, NULL), 0);
	assert_int_equal(seen.count, 1000000);
	assert_int_equal(seen.last_ns, 1000000);
	assert_null(cs_trace_warning(trace));
	cs_trace_close(trace);
	cs_model_free(model);
	remove(path);
}

/* ---- series ---- */

static int compare_tick(void *context, const struct cs_model *model, uint64_t time_ns)
{
	struct cs_model *wanted =
		story_play(&with_coroutines, (unsigned)(time_ns / STORY_TICK_NS), NULL);

	++*(unsigned *)context;
	for (uint32_t id = 1; id <= cs_model_process_count(wanted); id++) {
		assert_int_equal(cs_model_process_at(model, id)->inuse_bytes,
		                 cs_model_process_at(wanted, id)->inuse_bytes);
		assert_int_equal(cs_model_coroutines_alive(model, id),
		                 cs_model_coroutines_alive(wanted, id));
	}
	for (uint32_t id = 1; id <= cs_model_figure_count(wanted); id++)
		assert_true(cs_model_figure_at(model, id)->value ==
		            cs_model_figure_at(wanted, id)->value);
	cs_model_free(wanted);
	return 0;
}

static void a_series_passes_every_tick_once(void **state)
{
	struct story_file file = story_record(&with_coroutines);
	struct cs_trace *trace = story_open(file, NULL);
	struct cs_model *model = cs_model_new();
	unsigned ticks = 0;

	(void)state;
	assert_int_equal(cs_trace_series(trace, model, compare_tick, &ticks, NULL), 0);
	assert_int_equal(ticks, with_coroutines.ticks);
	cs_model_free(model);
	cs_trace_close(trace);
	free(file.bytes);
}

/* A keyframe tells all that a lost chunk took with it. */
static void a_keyframe_heals_what_damage_has_lost(void **state)
{
	struct story_file file = story_record(&with_coroutines);
	struct cs_trace *trace = story_open(file, NULL);

	(void)state;
	for (uint32_t i = 0; i < cs_trace_chunk_count(trace); i++) {
		struct cs_trace_chunk chunk = *cs_trace_chunk_at(trace, i);

		if (!strcmp(cs_trace_chunk_name(chunk.kind), "DELTAS") &&
		    chunk.to_ns < 8 * STORY_TICK_NS)
			file.bytes[chunk.offset + 60] ^= 0x55;
	}
	cs_trace_close(trace);
	trace = story_open(file, NULL);
	for (unsigned tick = 8; tick <= 11; tick++) {
		struct cs_model *model = story_play(&with_coroutines, tick, NULL);
		struct cs_model *loaded = story_load(trace, tick * STORY_TICK_NS, NULL);

		story_assert_same(loaded, model);
		cs_model_free(loaded);
		cs_model_free(model);
	}
	cs_trace_close(trace);
	free(file.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_tick_reads_as_it_was),
		cmocka_unit_test(going_on_comes_to_the_same),
		cmocka_unit_test(a_coroutine_of_one_tick_leaves_no_record),
		cmocka_unit_test(a_keyframe_pays_when_as_much_has_changed),
		cmocka_unit_test(events_of_an_interval_come_back),
		cmocka_unit_test(a_million_events_of_one_tick_come_back),
		cmocka_unit_test(a_series_passes_every_tick_once),
		cmocka_unit_test(a_keyframe_heals_what_damage_has_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
