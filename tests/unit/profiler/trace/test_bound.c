/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace that keeps its end: never larger than it may be, at any moment whole, and what it
 * still holds is what an unbounded trace holds.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/unit.h"

#include "story.h"
#include "trace/trace.h"

#define MAX_BYTES UINT64_C(28000)
#define LAST_NS (8 * STORY_TICK_NS)

static const struct story story = {
	.seed = 3,
	.ticks = 31,
	.keyframe_every = 20,
	.mean = 1,
	.events = 60,
	.code = 30,
};

static char folder[64], path[96];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/coroscope-bound-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/trace", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static uint64_t size_of_file(void)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return (uint64_t)status.st_size;
}

static unsigned files_in_folder(void)
{
	DIR *stream = opendir(folder);
	unsigned count = 0;

	while (readdir(stream))
		count++;
	closedir(stream);
	return count - 2;
}

/* Every time that was kept reads as it was; one before it is refused in words. */
static void check_contents(unsigned ticks, uint64_t *kept_from)
{
	struct cs_trace *trace = cs_trace_open(path, NULL);
	struct cs_diag diag = {0};
	uint64_t time_ns;

	assert_non_null(trace);
	*kept_from = cs_trace_session(trace)->kept_from_ns;
	for (unsigned tick = 1; tick <= ticks; tick++) {
		struct cs_model *model, *loaded;

		if (tick * STORY_TICK_NS < *kept_from || (tick % 7 && tick != ticks))
			continue;
		model = story_play(&story, tick, NULL);
		loaded = cs_model_new();
		assert_int_equal(cs_trace_load(trace, tick * STORY_TICK_NS, loaded, NULL, NULL), 0);
		story_assert_same(loaded, model);
		cs_model_free(loaded);
		cs_model_free(model);
	}
	assert_int_equal(cs_trace_check(trace), 0);
	if (*kept_from) {
		assert_int_equal(cs_trace_time(trace, "50ms", &time_ns, &diag), -ERANGE);
		assert_non_null(strstr(diag.text, "was dropped"));
		assert_int_equal(cs_trace_time(trace, "-0s", &time_ns, &diag), 0);
	}
	cs_trace_close(trace);
}

/* The recorder is stopped after every number of ticks, as if it had been killed there. */
static void play_and_look(uint64_t max_bytes, uint64_t last_ns, bool *dropped)
{
	const struct cs_trace_session session = {.max_bytes = max_bytes, .last_ns = last_ns};

	for (unsigned ticks = 1; ticks <= story.ticks; ticks += 1 + ticks % 3) {
		struct cs_trace_writer *writer = cs_trace_create(path, &session, NULL);
		struct cs_model *model = story_play(&story, ticks, writer);
		uint64_t kept_from, now = ticks * STORY_TICK_NS;

		assert_int_equal(files_in_folder(), 1);
		assert_true(!max_bytes || size_of_file() <= max_bytes);
		check_contents(ticks, &kept_from);
		if (last_ns) {
			assert_true(kept_from == 0 || now - kept_from >= last_ns);
			assert_true(now - kept_from <= last_ns + last_ns / 2 + 2 * STORY_TICK_NS);
		}
		*dropped = kept_from != 0;
		assert_int_equal(cs_trace_kept_from(writer), kept_from);
		assert_int_equal(cs_trace_finish(writer, NULL, NULL), 0);
		assert_true(!max_bytes || size_of_file() <= max_bytes);
		check_contents(ticks, &kept_from);
		if (last_ns && kept_from)
			assert_true(now - kept_from >= last_ns &&
			            now - kept_from <= last_ns + 2 * STORY_TICK_NS);
		cs_model_free(model);
	}
}

static void a_bounded_file_never_grows_beyond_its_bound(void **state)
{
	bool dropped = false;

	(void)state;
	play_and_look(MAX_BYTES, 0, &dropped);
	assert_true(dropped);
}

static void a_flight_recorder_keeps_its_time(void **state)
{
	bool dropped = false;

	(void)state;
	play_and_look(0, LAST_NS, &dropped);
	assert_true(dropped);
}

static void both_bounds_together(void **state)
{
	bool dropped = false;

	(void)state;
	play_and_look(10 * MAX_BYTES, LAST_NS, &dropped);
	assert_true(dropped);
}

/* A flight recorder that is told to hold drops nothing, not even at its end. */
static void what_is_held_is_kept(void **state)
{
	const struct cs_trace_session session = {.last_ns = LAST_NS};
	struct cs_trace_writer *writer = cs_trace_create(path, &session, NULL);
	struct cs_model *model;
	uint64_t kept_from;

	(void)state;
	cs_trace_hold(writer, true);
	model = story_play(&story, story.ticks, writer);
	assert_int_equal(cs_trace_kept_from(writer), 0);
	assert_int_equal(cs_trace_finish(writer, NULL, NULL), 0);
	check_contents(story.ticks, &kept_from);
	assert_int_equal(kept_from, 0);
	cs_model_free(model);
}

static void names_and_end_fit_into_the_bound(void **state)
{
	const struct cs_trace_session session = {.max_bytes = MAX_BYTES};
	const struct cs_trace_summary summary = {.duration_ns = story.ticks * STORY_TICK_NS};
	struct cs_trace_writer *writer = cs_trace_create(path, &session, NULL);
	struct cs_model *model = story_play(&story, story.ticks, writer);
	struct cs_symbols *symbols = story_symbols(model);
	struct cs_trace *trace;
	uint64_t kept_from;

	(void)state;
	assert_int_equal(cs_trace_write_symbols(writer, model, symbols), 0);
	assert_int_equal(cs_trace_finish(writer, &summary, NULL), 0);
	assert_true(size_of_file() <= MAX_BYTES);
	check_contents(story.ticks, &kept_from);
	trace = cs_trace_open(path, NULL);
	assert_null(cs_trace_warning(trace));
	assert_true(cs_trace_has_symbols(trace));
	cs_trace_close(trace);
	cs_symbols_free(symbols);
	cs_model_free(model);
}

static void a_bound_that_is_too_small_is_an_error_and_the_file_is_whole(void **state)
{
	const struct cs_trace_session session = {.max_bytes = 3000};
	struct cs_trace_writer *writer = cs_trace_create(path, &session, NULL);
	struct cs_model *model = story_play(&story, 1, writer), *more;
	struct cs_trace *trace;
	int error = 0;

	(void)state;
	/* Played elsewhere: story_play() itself insists on success. */
	for (unsigned ticks = 2; !error && ticks < story.ticks; ticks++) {
		more = story_play(&story, ticks, NULL);
		error = cs_trace_write_tick(writer, more);
		cs_model_free(more);
	}
	assert_int_equal(error, -EFBIG);
	assert_int_equal(cs_trace_finish(writer, NULL, NULL), -EFBIG);
	assert_true(size_of_file() <= 3000);
	trace = cs_trace_open(path, NULL);
	assert_non_null(trace);
	assert_int_equal(cs_trace_check(trace), 0);
	cs_trace_close(trace);
	cs_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bounded_file_never_grows_beyond_its_bound),
		cmocka_unit_test(a_flight_recorder_keeps_its_time),
		cmocka_unit_test(both_bounds_together),
		cmocka_unit_test(what_is_held_is_kept),
		cmocka_unit_test(names_and_end_fit_into_the_bound),
		cmocka_unit_test(a_bound_that_is_too_small_is_an_error_and_the_file_is_whole),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
