/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces of version 1 are read for ever: tests/golden/v1/NAME.coro, once written, must give
 * the same NAME.txt on every later day. Their bytes are never made again, since another
 * writer or another zstd would make others; new ones are added (and only the missing ones are
 * written) by
 *
 *     WRITE_GOLDENS=1 SOURCE_DIR=. build/dev/unit/profiler/trace/test_golden
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/unit.h"

#include "model/snapshot.h"
#include "story.h"
#include "trace/trace.h"

static const struct golden {
	const char *name;
	struct story story;
} goldens[] = {
	{"exact",
         {.seed = 11, .ticks = 8, .keyframe_every = 3, .mean = 1, .events = 30, .code = 20}},
	{"sampled",
         {.seed = 12, .ticks = 8, .keyframe_every = 3, .mean = 524288, .events = 30, .code = 20}},
	{"unfinished",
         {.seed = 13,
          .ticks = 5,
          .keyframe_every = 2,
          .mean = 1,
          .events = 10,
          .code = 9,
          .unfinished = true}},
	{"coroutines",
         {.seed = 14,
          .ticks = 7,
          .keyframe_every = 3,
          .mean = 1,
          .events = 5,
          .code = 6,
          .coroutines = 6}},
};

static const char *golden_path(char *path, const char *name, const char *suffix)
{
	const char *source = getenv("SOURCE_DIR");

	snprintf(path, 512, "%s/tests/golden/v1/%s%s", source ? source : ".", name, suffix);
	return path;
}

static int put_line(void *context, const struct cs_trace_chunk *chunk, const char *line)
{
	/* The index is of the file's bytes, not of what they mean. */
	if (strcmp(cs_trace_chunk_name(chunk->kind), "INDEX") != 0)
		fprintf(context, "%s %.3f: %s\n", cs_trace_chunk_name(chunk->kind),
		        (double)chunk->to_ns / 1e9, line);
	return 0;
}

static void put_state(FILE *out, struct cs_trace *trace, uint64_t time_ns)
{
	struct cs_model *model = cs_model_new();
	struct cs_symbols *symbols = cs_symbols_new();
	struct cs_snapshot *snapshot;

	assert_int_equal(cs_trace_load(trace, time_ns, model, symbols, NULL), 0);
	snapshot = cs_snapshot_take(model, symbols);
	fprintf(out, "state at %.3f: %u processes, %u threads, lost %" PRIu64 "%s%s\n",
	        (double)snapshot->time_ns / 1e9, cs_model_process_count(model),
	        cs_model_thread_count(model), snapshot->lost, snapshot->exact ? ", exact" : "",
	        snapshot->sampled ? ", sampled" : "");
	for (uint32_t i = 0; i < snapshot->row_count; i++) {
		const struct cs_row *row = &snapshot->rows[i];
		const struct cs_node *node = cs_model_node_at(model, row->node);
		const struct cs_name *names;

		fprintf(out, "row %u %u %s", row->process, row->thread,
		        cs_symbols_get(symbols, node->frame, &names) ? names[0].function : "?");
		for (int m = 0; m < CS_METRIC_HEAP_COUNT; m++)
			fprintf(out, " %.10g", row->value[m]);
		fprintf(out, "\n");
	}
	cs_snapshot_free(snapshot);
	cs_symbols_free(symbols);
	cs_model_free(model);
}

/* All that a trace says, as text. */
static char *tell(struct cs_trace *trace)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	const char *warning = cs_trace_warning(trace);

	fprintf(out, "warning: %s\n", warning ? warning : "none");
	assert_int_equal(cs_trace_dump(trace, put_line, out, NULL), 0);
	put_state(out, trace, 250 * UINT64_C(1000000));
	put_state(out, trace, UINT64_MAX);
	fclose(out);
	return text;
}

static void write_missing(const struct golden *golden)
{
	char path[512];
	struct cs_trace *trace;
	char *text;
	FILE *out;

	golden_path(path, golden->name, ".coro");
	if (access(path, F_OK) == 0)
		return;
	story_write(&golden->story, path);
	trace = cs_trace_open(path, NULL);
	text = tell(trace);
	out = fopen(golden_path(path, golden->name, ".txt"), "w");
	fputs(text, out);
	fclose(out);
	free(text);
	cs_trace_close(trace);
}

static void golden_traces_of_version_1_read_as_ever(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(*goldens); i++) {
		struct cs_trace *trace;
		struct story_file wanted;
		struct cs_diag diag = {0};
		char path[512];
		char *text;

		if (getenv("WRITE_GOLDENS"))
			write_missing(&goldens[i]);
		trace = cs_trace_open(golden_path(path, goldens[i].name, ".coro"), &diag);
		if (!trace)
			fail_msg("cannot %s", diag.text);
		wanted = story_read_file(golden_path(path, goldens[i].name, ".txt"));
		assert_non_null(wanted.bytes);
		wanted.bytes[wanted.size] = '\0';
		text = tell(trace);
		assert_string_equal(text, (char *)wanted.bytes);
		free(text);
		free(wanted.bytes);
		cs_trace_close(trace);
	}
}

/* Today's writer says what the golden one said. (Weights of samples come from libm's expm1,
 * whose last bit is not the same everywhere: only exact ones.) */
static void goldens_are_what_is_written_today(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(*goldens); i++) {
		struct story_file file, wanted;
		struct cs_trace *trace;
		char path[512];
		char *text;

		if (goldens[i].story.mean > 1)
			continue;
		file = story_record(&goldens[i].story);
		trace = story_open(file, NULL);
		text = tell(trace);
		wanted = story_read_file(golden_path(path, goldens[i].name, ".txt"));
		assert_non_null(wanted.bytes);
		wanted.bytes[wanted.size] = '\0';
		assert_string_equal(text, (char *)wanted.bytes);
		free(text);
		free(wanted.bytes);
		cs_trace_close(trace);
		free(file.bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_traces_of_version_1_read_as_ever),
		cmocka_unit_test(goldens_are_what_is_written_today),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
