/* SPDX-License-Identifier: Apache-2.0 */
/* What was recorded is what is read: at every time, from every keyframe, in every mode. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/unit.h"

#include "model/snapshot.h"
#include "story.h"
#include "trace/trace.h"

static const struct story exact = {
	.seed = 1,
	.ticks = 24,
	.keyframe_every = 5,
	.mean = 1,
	.events = 300,
	.code = 60,
};

/* A path that nothing has; the file is removed by whoever made it. */
static void new_path(char path[64])
{
	snprintf(path, 64, "/tmp/coroscope-trace-%d", (int)getpid());
	unlink(path);
}

static void every_tick_reads_as_it_was(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct story story = exact;

		story.seed = seed;
		story_check_every_tick(&story);
		story.mean = 2048;
		story.keyframe_every = (unsigned)seed;
		story_check_every_tick(&story);
	}
}

/* Without keyframes everything is replayed from the start: the same must come out. */
static void a_time_read_from_the_middle_is_the_same_as_from_the_start(void **state)
{
	struct story story = exact;

	(void)state;
	story.keyframe_every = 0;
	story_check_every_tick(&story);
}

/* Chunks are cut at 4 MiB: a keyframe in several parts is one keyframe. */
static void a_large_state_takes_several_chunks(void **state)
{
	struct story story = {.seed = 3,
	                      .ticks = 2,
	                      .keyframe_every = 2,
	                      .mean = 4096,
	                      .events = 100000,
	                      .code = 200000};
	struct story_file file = story_record(&story);
	struct cs_trace *trace = story_open(file, NULL);
	struct cs_model *model = story_play(&story, 2, NULL), *loaded;
	unsigned keyframes = 0;

	(void)state;
	for (uint32_t i = 0; i < cs_trace_chunk_count(trace); i++)
		keyframes +=
			!strcmp(cs_trace_chunk_name(cs_trace_chunk_at(trace, i)->kind), "KEYFRAME");
	assert_true(keyframes >= 2);
	loaded = story_load(trace, UINT64_MAX, NULL);
	story_assert_same(loaded, model);
	cs_model_free(loaded);
	cs_model_free(model);
	cs_trace_close(trace);
	free(file.bytes);
}

static void names_come_back(void **state)
{
	struct story_file file = story_record(&exact);
	struct cs_trace *trace = story_open(file, NULL);
	struct cs_symbols *symbols = cs_symbols_new();
	struct cs_model *model = story_load(trace, UINT64_MAX, symbols);
	struct cs_symbols *wanted = story_symbols(model);

	(void)state;
	assert_true(cs_trace_has_symbols(trace));
	for (uint32_t id = 1; id <= cs_model_frame_count(model); id++) {
		const struct cs_name *a, *b;
		uint32_t count = cs_symbols_get(wanted, id, &b);

		assert_int_equal(cs_symbols_get(symbols, id, &a), count);
		for (uint32_t i = 0; i < count; i++) {
			assert_string_equal(a[i].function, b[i].function);
			assert_int_equal(!a[i].file, !b[i].file);
			assert_true(a[i].line == b[i].line && a[i].inlined == b[i].inlined);
		}
	}
	cs_symbols_free(wanted);
	cs_symbols_free(symbols);
	cs_model_free(model);
	cs_trace_close(trace);
	free(file.bytes);
}

static void session_summary_and_losses_come_back(void **state)
{
	struct story_file file = story_record(&exact);
	struct cs_trace *trace = story_open(file, NULL);
	const struct cs_trace_loss *losses;

	(void)state;
	assert_string_equal(cs_trace_session(trace)->command, "story --of heap");
	assert_int_equal(cs_trace_session(trace)->tick_ns, STORY_TICK_NS);
	assert_string_equal(cs_trace_summary(trace)->ended_by, "program ended");
	assert_int_equal(cs_trace_summary(trace)->exit_status, 256);
	assert_int_equal(cs_trace_duration_ns(trace), 24 * STORY_TICK_NS);
	assert_int_equal(cs_trace_losses(trace, &losses), 6);
	assert_int_equal(losses[1].events, 8);
	assert_int_equal(losses[1].to_ns, 8 * STORY_TICK_NS);
	assert_false(cs_trace_is_growing(trace));
	assert_int_equal(cs_trace_check(trace), 0);
	cs_trace_close(trace);
	free(file.bytes);
}

/* (FROM, TO] holds what was allocated in it, and nothing of before. */
static void an_interval_holds_its_own_sums(void **state)
{
	struct story_file file = story_record(&exact);
	struct cs_trace *trace = story_open(file, NULL);
	struct cs_model *interval = cs_model_new();
	struct cs_model *before = story_load(trace, 8 * STORY_TICK_NS, NULL);
	struct cs_model *after = story_load(trace, 17 * STORY_TICK_NS, NULL);
	struct cs_snapshot *snapshot;

	(void)state;
	assert_int_equal(cs_trace_load_interval(trace, 8 * STORY_TICK_NS, 17 * STORY_TICK_NS,
	                                        interval, NULL, NULL),
	                 0);
	for (uint32_t id = 1; id <= cs_model_cell_count(after); id++) {
		const struct cs_cell *a = cs_model_cell_at(after, id);
		const struct cs_cell *b = cs_model_cell_at(before, id);
		uint64_t base = b ? b->sum.alloc_bytes : 0, freed = b ? b->sum.free_bytes : 0;
		const struct cs_heap_sum *sum = &cs_model_cell_at(interval, id)->sum;

		assert_true(sum->alloc_bytes == a->sum.alloc_bytes - base);
		assert_true(sum->free_bytes == a->sum.free_bytes - freed);
	}
	snapshot = cs_snapshot_take(interval, NULL);
	for (uint32_t i = 0; i < snapshot->row_count; i++)
		assert_true(snapshot->rows[i].value[CS_METRIC_INUSE_SPACE] >= 0 &&
		            snapshot->rows[i].value[CS_METRIC_INUSE_SPACE] < 1e12);
	cs_snapshot_free(snapshot);
	cs_model_free(after);
	cs_model_free(before);
	cs_model_free(interval);
	cs_trace_close(trace);
	free(file.bytes);
}

static void check_time(struct cs_trace *trace, const char *text, int error, uint64_t wanted)
{
	struct cs_diag diag = {0};
	uint64_t ns = 0;

	assert_int_equal(cs_trace_time(trace, text, &ns, &diag), error);
	if (!error)
		assert_int_equal(ns, wanted);
	else
		assert_true(diag.text[0] && diag.hint[0]);
}

static void times_are_understood_or_explained(void **state)
{
	struct story_file file = story_record(&exact); /* 2.4 s */
	struct cs_trace *trace = story_open(file, NULL);

	(void)state;
	check_time(trace, "1.5s", 0, 1500000000);
	check_time(trace, "250ms", 0, 250000000);
	check_time(trace, "1s250ms", 0, 1250000000);
	check_time(trace, "0m2s", 0, 2000000000);
	check_time(trace, "1.25", 0, 1250000000);
	check_time(trace, "0s", 0, 0);
	check_time(trace, "-0.4s", 0, 2000000000);
	check_time(trace, "1m30s", -ERANGE, 0);
	check_time(trace, "-3s", -ERANGE, 0);
	check_time(trace, "", -EINVAL, 0);
	check_time(trace, "-", -EINVAL, 0);
	check_time(trace, "s", -EINVAL, 0);
	check_time(trace, "1x", -EINVAL, 0);
	check_time(trace, "1s2m", -EINVAL, 0);
	check_time(trace, "nan", -EINVAL, 0);
	check_time(trace, "1e1s", -EINVAL, 0);
	check_time(trace, "99999999999999999999h", -EINVAL, 0);
	cs_trace_close(trace);
	free(file.bytes);
}

/* FILE@peak: at the time it names, the snapshot of the peak adds up to the peak. */
static void peak_is_a_time(void **state)
{
	struct story_file file = story_record(&exact);
	struct cs_trace *trace = story_open(file, NULL);
	struct cs_model *end = story_load(trace, UINT64_MAX, NULL), *model;
	uint64_t peak = 0, process = 0, ns = 0;
	struct cs_snapshot *snapshot;
	double sum = 0;

	(void)state;
	for (uint32_t id = 1; id <= cs_model_process_count(end); id++) {
		if (cs_model_process_at(end, id)->peak_bytes > peak) {
			peak = cs_model_process_at(end, id)->peak_bytes;
			process = id;
		}
	}
	assert_int_equal(cs_trace_time(trace, "peak", &ns, NULL), 0);
	model = story_load(trace, ns, NULL);
	snapshot = cs_snapshot_take_peak(model, NULL);
	for (uint32_t i = 0; i < snapshot->row_count; i++)
		if (snapshot->rows[i].process == process)
			sum += snapshot->rows[i].value[CS_METRIC_INUSE_SPACE];
	assert_true(sum == (double)peak);
	cs_snapshot_free(snapshot);
	cs_model_free(model);
	cs_model_free(end);
	cs_trace_close(trace);
	free(file.bytes);
}

/* ---- the file as such ---- */

static const struct cs_trace_session nothing;

static void a_trace_is_private_and_replaces_regular_files_only(void **state)
{
	struct cs_trace_writer *writer;
	struct cs_diag diag = {0};
	struct stat status;
	char path[64];

	(void)state;
	new_path(path);
	close(open(path, O_CREAT | O_WRONLY, 0644));
	writer = cs_trace_create(path, &nothing, &diag);
	assert_non_null(writer);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_null(cs_trace_create(path, &nothing, &diag)); /* it is being written */
	assert_int_equal(diag.error, -EBUSY);
	assert_int_equal(cs_trace_finish(writer, NULL, NULL), 0);
	unlink(path);
	assert_int_equal(symlink("/tmp/elsewhere", path), 0);
	assert_null(cs_trace_create(path, &nothing, &diag));
	assert_int_equal(diag.error, -EEXIST);
	unlink(path);
	assert_null(cs_trace_create("/dev/null", &nothing, &diag));
	assert_null(cs_trace_create("/nowhere/at/all", &nothing, &diag));
}

static void a_trace_can_be_read_while_it_is_recorded(void **state)
{
	struct cs_trace_writer *writer;
	struct cs_model *model, *loaded;
	struct cs_trace *trace;
	char path[64];

	(void)state;
	new_path(path);
	writer = cs_trace_create(path, &nothing, NULL);
	model = story_play(&exact, 7, writer);
	trace = cs_trace_open(path, NULL);
	assert_non_null(trace);
	assert_true(cs_trace_is_growing(trace));
	assert_non_null(strstr(cs_trace_warning(trace), "being recorded"));
	loaded = story_load(trace, UINT64_MAX, NULL);
	story_assert_same(loaded, model);
	cs_trace_close(trace);
	cs_model_free(loaded);
	assert_int_equal(cs_trace_finish(writer, NULL, NULL), 0);
	cs_model_free(model);
	unlink(path);
}

/* A full disk, in miniature: beyond a limit of the file's size every write fails. */
static void a_full_disk_leaves_a_readable_trace(void **state)
{
	struct rlimit old, limit;
	struct cs_trace_writer *writer;
	struct cs_model *model, *loaded;
	struct cs_trace *trace;
	struct cs_diag diag = {0};
	struct stat status;
	char path[64];
	uint64_t before;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	new_path(path);
	writer = cs_trace_create(path, &nothing, NULL);
	model = story_play(&exact, 10, writer);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = cs_trace_bytes(writer) + 100;
	setrlimit(RLIMIT_FSIZE, &limit);
	before = cs_trace_bytes(writer);
	assert_int_equal(cs_trace_write_keyframe(writer, model), -EFBIG);
	assert_int_equal(cs_trace_write_tick(writer, model), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(cs_trace_write_tick(writer, model), -EFBIG); /* for good */
	assert_int_equal(cs_trace_finish(writer, NULL, &diag), -EFBIG);
	assert_non_null(strstr(diag.hint, "1.000 s"));
	trace = cs_trace_open(path, NULL);
	assert_int_equal(stat(path, &status), 0);
	assert_true((uint64_t)status.st_size == before);
	loaded = story_load(trace, UINT64_MAX, NULL);
	story_assert_same(loaded, model);
	cs_trace_close(trace);
	cs_model_free(loaded);
	cs_model_free(model);
	unlink(path);
}

static void symbols_can_be_added_later(void **state)
{
	struct cs_symbols *symbols, *loaded_symbols = cs_symbols_new();
	struct cs_model *model, *loaded;
	const struct cs_name *names;
	struct cs_trace *trace;
	char path[64];

	(void)state;
	new_path(path);
	struct cs_trace_writer *writer = cs_trace_create(path, &nothing, NULL);
	const struct cs_trace_summary summary = {.duration_ns = 7 * STORY_TICK_NS};

	model = story_play(&exact, 7, writer);
	symbols = story_symbols(model);
	assert_int_equal(cs_trace_append_symbols(path, model, symbols, NULL), -EBUSY);
	assert_int_equal(cs_trace_finish(writer, &summary, NULL), 0);
	for (int twice = 0; twice < 2; twice++)
		assert_int_equal(cs_trace_append_symbols(path, model, symbols, NULL), 0);
	trace = cs_trace_open(path, NULL);
	assert_null(cs_trace_warning(trace));
	loaded = story_load(trace, UINT64_MAX, loaded_symbols);
	story_assert_same(loaded, model);
	assert_int_equal(cs_symbols_get(loaded_symbols, 1, &names), 2);
	assert_string_equal(names[0].function, "inlined_1");
	cs_trace_close(trace);

	/* Without its last index the file is walked, over the older ones. */
	struct story_file file = story_read_file(path);

	file.size -= 16;
	trace = story_open(file, NULL);
	assert_null(cs_trace_warning(trace));
	assert_true(cs_trace_has_symbols(trace));
	assert_int_equal(cs_trace_check(trace), 0);
	cs_trace_close(trace);
	free(file.bytes);
	cs_symbols_free(loaded_symbols);
	cs_symbols_free(symbols);
	cs_model_free(loaded);
	cs_model_free(model);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_tick_reads_as_it_was),
		cmocka_unit_test(a_time_read_from_the_middle_is_the_same_as_from_the_start),
		cmocka_unit_test(a_large_state_takes_several_chunks),
		cmocka_unit_test(names_come_back),
		cmocka_unit_test(session_summary_and_losses_come_back),
		cmocka_unit_test(an_interval_holds_its_own_sums),
		cmocka_unit_test(times_are_understood_or_explained),
		cmocka_unit_test(peak_is_a_time),
		cmocka_unit_test(a_trace_is_private_and_replaces_regular_files_only),
		cmocka_unit_test(a_trace_can_be_read_while_it_is_recorded),
		cmocka_unit_test(a_full_disk_leaves_a_readable_trace),
		cmocka_unit_test(symbols_can_be_added_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
