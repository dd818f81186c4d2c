/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long work and the keys that come meanwhile: a trace of some thousand coroutines grows, and in
 * every rest of what the view does about it a key is pressed. What is shown must be one moment
 * all the time, and what is there in the end the same as if nobody had pressed anything.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/coroutine.h"
#include "scene.h"
#include "support/canvas_text.h"
#include "support/unit.h"

#define COUNT 6000u /* some rests in each loop over all of them */
#define STACKS 20u
#define TICK_NS UINT64_C(500000000)

static char path[64], copy[64];

/* ---- a target ---- */

struct target {
	struct scene_recording recording;
	struct cs_model *model; /* the recording's */
	uint32_t nodes[STACKS];
	uint64_t rounds, born;
};

static void change(struct target *target, uint32_t id)
{
	struct cs_coroutine *coroutine = cs_model_coroutine_at(target->model, id);
	uint64_t round = target->rounds;

	if (!coroutine)
		return;
	coroutine->state = (id + round) % 7 ? CS_COROUTINE_WAITING : CS_COROUTINE_RUNNABLE;
	coroutine->stack = target->nodes[(id * 7 + round) % STACKS];
	coroutine->since_after_ns = coroutine->since_ns = round * TICK_NS - id;
	coroutine->switches = round * 10 + id % 100;
	coroutine->parent_runtime = target->recording.runtime;
	coroutine->parent_number = coroutine->number > 1 ? coroutine->number / 10 + 1 : 0;
	cs_model_coroutine_changed(target->model, id);
}

static void bear(struct target *target, uint32_t count)
{
	while (count--) {
		uint32_t id = cs_model_coroutine(target->model, target->recording.process,
		                                 target->recording.runtime, ++target->born);

		assert_int_not_equal(id, 0);
		change(target, id);
	}
}

/* A tick in which all change, a tenth ends, and as many come. */
static void live_on(struct target *target)
{
	uint32_t slots = cs_model_coroutine_slots(target->model);

	target->rounds++;
	for (uint32_t id = 1; id <= slots; id++)
		change(target, id);
	for (uint32_t id = 1 + (uint32_t)target->rounds; id <= slots; id += 10)
		if (cs_model_coroutine_at(target->model, id))
			cs_model_coroutine_end(target->model, id, target->rounds * TICK_NS);
	cs_model_set_now(target->model, target->rounds * TICK_NS);
	assert_int_equal(cs_trace_write_tick(target->recording.writer, target->model), 0);
	bear(target, COUNT / 10);
	cs_model_set_now(target->model, ++target->rounds * TICK_NS);
	assert_int_equal(cs_trace_write_tick(target->recording.writer, target->model), 0);
}

static void target_begin(struct target *target)
{
	struct cs_symbols *symbols = cs_symbols_new();
	uint32_t module;

	memset(target, 0, sizeof(*target));
	scene_record(&target->recording, path, TICK_NS);
	target->model = target->recording.model;
	module = cs_model_module(target->model, "/srv/x", NULL, 0);
	for (uint32_t i = 0; i < STACKS; i++) {
		char function[32];
		const struct cs_name name = {.function = function};
		uint32_t frame = cs_model_frame(target->model, module, 10 + i);

		snprintf(function, sizeof(function), "main.step_%u", i);
		assert_int_equal(cs_symbols_set(symbols, frame, &name, 1), 0);
		target->nodes[i] = cs_model_node(target->model, 0, frame);
	}
	bear(target, COUNT);
	cs_trace_write_symbols(target->recording.writer, target->model, symbols);
	cs_symbols_free(symbols);
	live_on(target);
	live_on(target);
}

static void target_end(struct target *target)
{
	scene_recorded(&target->recording);
	unlink(path);
}

/* ---- a person ---- */

struct person {
	struct csv_app *app;
	const char *keys; /* pressed one by one, in rests; from the beginning again */
	size_t pressed;
	bool once;
	uint32_t rests;
	uint64_t shown_ns;
	uint32_t changes; /* of what is shown, between two rests */
	bool moves;       /* may change more than once */
};

static void press(struct csv_app *app, const char *keys)
{
	for (; *keys; keys++) {
		const struct csv_event event = {
			.kind = CSV_EVENT_KEY,
			.key = *keys == '\n' ? (uint32_t)CSV_KEY_ENTER : (uint32_t)*keys,
		};

		csv_app_event(app, &event);
	}
}

static int rest(void *context)
{
	struct person *person = context;
	struct csv_app *app = person->app;
	char key[2] = {0};

	person->rests++;
	if (!person->keys[person->pressed] && !person->once)
		person->pressed = 0;
	if (person->keys[person->pressed])
		key[0] = person->keys[person->pressed++];
	press(app, key);
	scene_draw(app);
	/* It stands still until the other one is whole, whatever is pressed. */
	if (csv_session_scene(app->session)->now->time_ns != person->shown_ns)
		person->changes++;
	person->shown_ns = csv_session_scene(app->session)->now->time_ns;
	assert_true(person->changes <= 1 || person->moves);
	return 0;
}

static void watch(struct csv_app *app, struct person *person, const char *keys)
{
	*person = (struct person){.app = app, .keys = keys};
	person->shown_ns = csv_session_scene(app->session)->now->time_ns;
	app->rest = rest;
	app->rest_context = person;
}

/* Without the last line, which has the age of the picture. */
static char *screen(struct csv_app *app)
{
	char *text;

	scene_draw(app);
	text = strdup(canvas_text(&app->canvas));
	assert_non_null(text);
	text[strlen(text) - 1] = 0;
	*strrchr(text, '\n') = 0;
	return text;
}

static void same_as_made_anew(struct csv_app *app)
{
	char *shown = screen(app), *anew;

	csv_session_scene(app->session)->serial++;
	csv_app_update(app);
	scene_settle(app);
	anew = screen(app);
	assert_string_equal(shown, anew);
	free(shown);
	free(anew);
}

static uint64_t time_of(struct csv_app *app)
{
	return csv_session_scene(app->session)->now->time_ns;
}

/* ---- facts ---- */

/* In groups, list and tree; with what is prepared, and with what a key made useless. */
static void keys_are_answered_while_a_picture_is_made(void **state)
{
	static const char *const keys[] = {
		"jk",   "tj", "jjjjt", ">",  "jI",          "G",
		"k>jt", "m",  "S",     "\n", "21",          "fage > 1s\nc",
		"/7\n", "?",  "4M1",   "h",  "jjjjjjjjjjl", "jjjjjjjjjjjjjjjt",
		"6",
	};
	struct target target;
	struct csv_app app;
	struct person person;

	(void)state;
	target_begin(&target);
	scene_open(&app, path);
	for (size_t i = 0; i < 3 * sizeof(keys) / sizeof(*keys); i++) {
		uint64_t before = time_of(&app);

		if (i % (sizeof(keys) / sizeof(*keys)) == 0)
			press(&app, "1t");
		scene_settle(&app);
		watch(&app, &person, keys[i % (sizeof(keys) / sizeof(*keys))]);
		live_on(&target);
		csv_app_tick(&app, TICK_NS);
		app.rest = NULL;
		assert_in_range(person.rests, 4, 10000);
		assert_int_equal(time_of(&app), before + 2 * TICK_NS);
		press(&app, "\x1b");
		app.help = false;
		scene_settle(&app);
		same_as_made_anew(&app);
	}
	csv_app_close(&app);
	target_end(&target);
}

/* Nothing is grouped again for it: only how many stood there then is counted. */
static void changes_are_since_the_mark_at_once(void **state)
{
	struct target target;
	struct csv_app app;
	char *before, *marked, *after, saved[128];

	(void)state;
	target_begin(&target);
	scene_open(&app, path);
	before = screen(&app);
	press(&app, "m");
	scene_settle(&app);
	marked = screen(&app);
	assert_string_not_equal(marked, before);
	same_as_made_anew(&app);
	/* What is saved as data takes a snapshot with all of them in place of this one. */
	press(&app, "s");
	press(&app, copy);
	press(&app, ".json\n");
	press(&app, "m");
	scene_settle(&app);
	after = screen(&app);
	assert_string_equal(after, before);
	free(before);
	free(marked);
	free(after);
	snprintf(saved, sizeof(saved), "%s.json", copy);
	assert_int_equal(unlink(saved), 0);
	csv_app_close(&app);
	target_end(&target);
}

/* Another time goes first; the picture is not lost by it. */
static void a_time_that_is_asked_for_goes_first(void **state)
{
	struct target target;
	struct csv_app app;
	struct person person;
	uint64_t end, step;

	(void)state;
	target_begin(&target);
	scene_open(&app, path);
	step = csv_session_step_ns(app.session);
	end = time_of(&app);
	watch(&app, &person, "[");
	person.once = true;
	live_on(&target);
	csv_app_tick(&app, TICK_NS);
	assert_int_equal(person.rests, 1); /* it has ended at once */
	assert_int_equal(time_of(&app), end);
	app.rest = NULL;
	scene_settle(&app);
	assert_int_equal(time_of(&app), end - step);
	same_as_made_anew(&app);

	press(&app, "$");
	scene_settle(&app);
	assert_int_equal(time_of(&app), end + 2 * TICK_NS);
	same_as_made_anew(&app);
	csv_app_close(&app);
	target_end(&target);
}

/* Who presses faster than the trace is read comes as far back. */
static void steps_add_up_while_they_are_read(void **state)
{
	struct target target;
	struct csv_app app;
	struct person person;
	uint64_t end, step;

	(void)state;
	target_begin(&target);
	for (int i = 0; i < 4; i++)
		live_on(&target);
	scene_open(&app, path);
	step = csv_session_step_ns(app.session);
	end = time_of(&app);
	watch(&app, &person, "[j[j2k1");
	person.once = true;
	press(&app, "[");
	scene_settle(&app);
	app.rest = NULL;
	scene_settle(&app);
	assert_int_equal(time_of(&app), end - 3 * step);
	same_as_made_anew(&app);
	csv_app_close(&app);
	target_end(&target);
}

/* Also of one that leaves. */
static void a_trace_is_written_to_its_end(void **state)
{
	struct target target;
	struct csv_app app;
	struct person person;
	struct cs_diag diag = {0};
	struct cs_trace *trace;
	struct cs_model *model = cs_model_new();

	(void)state;
	target_begin(&target);
	scene_open(&app, path);
	watch(&app, &person, "j[q");
	person.once = true;
	press(&app, "w");
	press(&app, copy);
	press(&app, "\n");
	scene_settle(&app);
	assert_in_range(person.rests, 3, 10000);
	assert_true(app.quit);
	trace = cs_trace_open(copy, &diag);
	assert_non_null(trace);
	assert_int_equal(cs_trace_load(trace, UINT64_MAX, model, NULL, &diag), 0);
	assert_int_equal(cs_model_coroutines_alive(model, 1),
	                 cs_model_coroutines_alive(target.model, 1));
	assert_null(cs_trace_warning(trace));
	cs_trace_close(trace);
	cs_model_free(model);
	unlink(copy);
	csv_app_close(&app);
	target_end(&target);
}

/* The start and the series of the timeline. */
static void other_moments_are_read_with_rests(void **state)
{
	struct target target;
	struct csv_app app;
	struct person person;

	(void)state;
	target_begin(&target);
	scene_open(&app, path);
	watch(&app, &person, "jk2j1j6");
	press(&app, "6");
	scene_settle(&app);
	app.rest = NULL;
	scene_settle(&app);
	assert_in_range(person.rests, 4, 10000);
	assert_in_range(csv_session_scene(app.session)->series_count, 1, 20);
	press(&app, "6");
	same_as_made_anew(&app);
	csv_app_close(&app);
	target_end(&target);
}

/* Keys of all kinds, at any time, also in rests; moments are marked, left and come back to. */
static void anything_may_be_pressed_at_any_time(void **state)
{
	static const char keys[] = "jkGgtt>Imm[[]{}^$$p1123456?hl\nSBPKJF";
	struct target target;
	struct csv_app app;
	struct person person;
	char pressed[200] = "";
	uint32_t random = 1;

	(void)state;
	if (getenv("SEED"))
		random = (uint32_t)atoi(getenv("SEED"));
	target_begin(&target);
	scene_open(&app, path);
	for (int round = 0; round < 12; round++) {
		for (size_t i = 0; i + 1 < sizeof(pressed); i++) {
			random = random * 1664525 + 1013904223;
			pressed[i] = keys[(random >> 16) % (sizeof(keys) - 1)];
		}
		live_on(&target);
		watch(&app, &person, pressed);
		person.moves = true;
		for (int i = 0; i < 12; i++) {
			const char key[2] = {pressed[i * 7], 0};

			csv_app_tick(&app, TICK_NS);
			press(&app, key);
			for (int works = 0; works < 50 && csv_app_work(&app); works++)
				;
			scene_draw(&app);
		}
		app.rest = NULL;
		scene_settle(&app);
		same_as_made_anew(&app);
	}
	csv_app_close(&app);
	target_end(&target);
}

static int begin(void **state)
{
	int error = scene_begin(state);

	scene_path(path, "growing.coro");
	scene_path(copy, "copy.coro");
	return error;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_answered_while_a_picture_is_made),
		cmocka_unit_test(changes_are_since_the_mark_at_once),
		cmocka_unit_test(a_time_that_is_asked_for_goes_first),
		cmocka_unit_test(steps_add_up_while_they_are_read),
		cmocka_unit_test(a_trace_is_written_to_its_end),
		cmocka_unit_test(other_moments_are_read_with_rests),
		cmocka_unit_test(anything_may_be_pressed_at_any_time),
	};

	return cmocka_run_group_tests(tests, begin, scene_end);
}
