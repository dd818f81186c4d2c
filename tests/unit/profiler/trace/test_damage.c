/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces that were cut, damaged, or written by somebody with bad intentions: what is whole is
 * shown, what is missing is said, and nothing crashes or hangs.
 */
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "support/unit.h"

#include "base/bytes.h"
#include "model/snapshot.h"
#include "story.h"
#include "support/trace_edit.h"
#include "trace/trace.h"

static const struct story small = {
	.seed = 5,
	.ticks = 6,
	.keyframe_every = 3,
	.mean = 1,
	.events = 20,
	.code = 12,
	.coroutines = 2,
};

static int ignore_line(void *context, const struct cs_trace_chunk *chunk, const char *line)
{
	(void)chunk;
	*(size_t *)context += strlen(line);
	return 0;
}

static int count_event(void *context, const struct cs_trace_event *event)
{
	assert_in_range(event->kind, 1, CS_EVENT_KINDS - 1);
	++*(size_t *)context;
	return 0;
}

static int count_tick(void *context, const struct cs_model *model, uint64_t time_ns)
{
	assert_true(cs_model_now(model) == time_ns);
	++*(size_t *)context;
	return 0;
}

static void use_as_series(struct cs_trace *trace)
{
	struct cs_model *model = cs_model_new();
	size_t count = 0;

	(void)cs_trace_series(trace, model, count_tick, &count, NULL);
	(void)cs_trace_events(trace, 0, UINT64_MAX, count_event, &count, NULL);
	cs_model_free(model);
}

/* Everything that a command may do with a file. */
static void use(struct cs_trace *trace)
{
	struct cs_model *model = cs_model_new(), *interval = cs_model_new();
	struct cs_symbols *symbols = cs_symbols_new();
	struct cs_snapshot *snapshot;
	struct cs_diag diag = {0};
	uint64_t ns;
	size_t length = 0;

	use_as_series(trace);
	if (cs_trace_load(trace, UINT64_MAX, model, symbols, &diag))
		assert_true(diag.text[0]);
	for (uint32_t id = 1; id <= cs_model_node_count(model); id++) {
		uint32_t steps = 0;

		for (uint32_t node = id; node; node = cs_model_node_at(model, node)->parent)
			assert_true(
				cs_model_frame_at(model, cs_model_node_at(model, node)->frame) &&
				steps++ < id);
	}
	snapshot = cs_snapshot_take(model, symbols);
	assert_non_null(snapshot);
	cs_snapshot_free(snapshot);
	cs_trace_load_interval(trace, STORY_TICK_NS, 4 * STORY_TICK_NS, interval, NULL, &diag);
	snapshot = cs_snapshot_take_peak(interval, NULL);
	cs_snapshot_free(snapshot);
	cs_trace_time(trace, "peak", &ns, &diag);
	cs_trace_dump(trace, ignore_line, &length, &diag);
	cs_model_free(model);
	cs_model_free(interval);
	cs_symbols_free(symbols);
}

/* Opens, uses, closes. True: it was opened without a warning. */
static bool try_file(struct story_file file, bool opened_at_all)
{
	struct cs_diag diag = {0};
	struct cs_trace *trace = story_open(file, &diag);
	bool silent;

	if (!trace) {
		assert_false(opened_at_all);
		assert_true(diag.error < 0 && diag.text[0]);
		return false;
	}
	use(trace);
	silent = !cs_trace_warning(trace);
	cs_trace_close(trace);
	return silent;
}

static size_t chunk_offset(struct story_file file, enum cs_chunk_kind kind, unsigned nth)
{
	struct cs_chunk_header head;
	size_t at = sizeof(struct cs_file_header);

	for (; trace_edit_head(file.bytes, file.size, at, &head);
	     at += sizeof(head) + head.stored_bytes)
		if (head.kind == kind && nth-- == 0)
			return at;
	fail_msg("no such chunk");
	return 0;
}

/* The last tick whose changes are whole in the first SIZE bytes. */
static uint64_t whole_until(struct story_file file, size_t size)
{
	struct cs_chunk_header head;
	size_t at = sizeof(struct cs_file_header);
	uint64_t until = 0;

	for (; trace_edit_head(file.bytes, size, at, &head); at += sizeof(head) + head.stored_bytes)
		if (head.kind == CS_CHUNK_DELTAS)
			until = head.to_ns;
	return until;
}

static void a_file_cut_anywhere_reads_to_its_last_whole_chunk(void **state)
{
	struct story_file file = story_record(&small);
	struct cs_model *played[7] = {NULL};

	(void)state;
	for (unsigned tick = 1; tick <= small.ticks; tick++)
		played[tick] = story_play(&small, tick, NULL);
	for (size_t size = 0; size < file.size; size++) {
		struct story_file cut = {.bytes = file.bytes, .size = size};
		uint64_t until = whole_until(file, size);
		struct cs_trace *trace = story_open(cut, NULL);

		if (!trace) {
			assert_int_equal(until, 0);
			continue;
		}
		assert_true(cs_trace_warning(trace) || cs_trace_summary(trace));
		if (until) {
			struct cs_model *model = cs_model_new();

			assert_int_equal(cs_trace_load(trace, until, model, NULL, NULL), 0);
			story_assert_same(model, played[until / STORY_TICK_NS]);
			cs_model_free(model);
		}
		cs_trace_close(trace);
		if (size % 16 == 0)
			try_file(cut, false);
	}
	for (unsigned tick = 1; tick <= small.ticks; tick++)
		cs_model_free(played[tick]);
	free(file.bytes);
}

/* Whether FILE is opened and loaded without a word; it must be refused in words else. */
static bool loads_silently(struct story_file file, struct cs_model *model)
{
	struct cs_diag diag = {0};
	struct cs_trace *trace = story_open(file, &diag);
	bool silent;

	if (!trace) {
		assert_true(diag.error < 0 && diag.text[0]);
		return false;
	}
	if (cs_trace_load(trace, UINT64_MAX, model, NULL, &diag))
		assert_true(diag.text[0]);
	silent = !diag.error && !cs_trace_warning(trace);
	cs_trace_close(trace);
	return silent;
}

/*
 * Checksums see a flipped bit: the file is refused, or says what it misses, or misses nothing.
 * What lies behind them sees whole chunks or none, so not every file need be used for all.
 */
static void flipped_bits_are_noticed(void **state)
{
	struct story_file file = story_record(&small);
	struct cs_model *model = story_play(&small, small.ticks, NULL);

	(void)state;
	srand(7);
	for (int i = 0; i < 3000; i++) {
		struct story_file copy = story_copy(file);
		size_t bit = (size_t)rand() % (file.size * 8);

		copy.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		struct cs_model *loaded = cs_model_new();

		if (loads_silently(copy, loaded))
			story_assert_same(loaded, model);
		cs_model_free(loaded);
		if (i % 8 == 0)
			try_file(copy, false);
		free(copy.bytes);
	}
	cs_model_free(model);
	free(file.bytes);
}

static void noise_is_refused_in_words(void **state)
{
	unsigned char bytes[4096];
	struct story_file file = {.bytes = bytes, .size = sizeof(bytes)};
	struct cs_diag diag = {0};

	(void)state;
	srand(3);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)rand();
	assert_null(story_open(file, &diag));
	assert_non_null(strstr(diag.text, "not a coroscope trace"));
	file.size = 0;
	assert_null(story_open(file, &diag));
	assert_non_null(strstr(diag.text, "empty"));
	assert_null(cs_trace_open("/nonexistent.coro", &diag));
	assert_string_equal(diag.text, "read /nonexistent.coro: no such file");
	assert_null(cs_trace_open("/dev/zero", &diag));
	assert_null(cs_trace_open("/tmp", &diag));
}

static void another_version_is_told_with_the_way_out(void **state)
{
	struct story_file file = story_record(&small);
	struct cs_diag diag = {0};

	(void)state;
	file.bytes[16] = 2;
	assert_null(story_open(file, &diag));
	assert_non_null(strstr(diag.text, "version 2"));
	assert_non_null(strstr(diag.hint, "coroscope"));
	free(file.bytes);
}

/* Loads the end of a file whose NTH chunk of KIND was damaged. */
static struct cs_model *load_damaged(struct story_file file, enum cs_chunk_kind kind, unsigned nth,
                                     bool header, uint64_t time_ns, char *warning)
{
	struct story_file copy = story_copy(file);
	size_t at = chunk_offset(copy, kind, nth);
	struct cs_model *model = cs_model_new();
	struct cs_trace *trace;

	copy.bytes[at + (header ? 9 : sizeof(struct cs_chunk_header) + 2)] ^= 0x10;
	trace = story_open(copy, NULL);
	assert_non_null(trace);
	assert_int_equal(cs_trace_load(trace, time_ns, model, NULL, NULL), 0);
	strcpy(warning, cs_trace_warning(trace) ? cs_trace_warning(trace) : "");
	cs_trace_close(trace);
	free(copy.bytes);
	return model;
}

/* A keyframe behind the damage makes everything right again, without a word. */
static void a_damaged_change_is_healed_by_the_next_keyframe(void **state)
{
	struct story_file file = story_record(&small);
	struct cs_model *played = story_play(&small, 6, NULL), *model;
	char warning[1024];

	(void)state;
	for (int header = 0; header < 2; header++) {
		model = load_damaged(file, CS_CHUNK_DELTAS, 1, header, UINT64_MAX, warning);
		story_assert_same(model, played);
		assert_string_equal(warning, "");
		cs_model_free(model);
		/* Before that keyframe, the time that is missing is named. */
		model = load_damaged(file, CS_CHUNK_DELTAS, 1, header, 2 * STORY_TICK_NS, warning);
		assert_non_null(strstr(warning, "0.100 s to 0.200 s is missing"));
		cs_model_free(model);
	}
	cs_model_free(played);
	free(file.bytes);
}

static void a_damaged_keyframe_is_done_without(void **state)
{
	struct story_file file = story_record(&small);
	struct cs_model *played = story_play(&small, 6, NULL), *model;
	char warning[1024];

	(void)state;
	model = load_damaged(file, CS_CHUNK_KEYFRAME, 1, false, UINT64_MAX, warning);
	story_assert_same(model, played);
	assert_non_null(strstr(warning, "KEYFRAME"));
	cs_model_free(model);
	cs_model_free(played);
	free(file.bytes);
}

/* Ids behind lost definitions still mean what they meant; the sums are all there. */
static void lost_definitions_leave_the_others_their_numbers(void **state)
{
	struct story story = small;
	struct story_file file;
	struct cs_model *played, *model;
	char warning[1024];

	(void)state;
	story.events = 200;
	file = story_record(&story);
	played = story_play(&story, 6, NULL);
	for (unsigned nth = 0; nth < 2; nth++) {
		model = load_damaged(file, CS_CHUNK_DEFS, nth, false, UINT64_MAX, warning);
		assert_non_null(strstr(warning, "DEFS"));
		assert_int_equal(cs_model_cell_count(model), cs_model_cell_count(played));
		assert_int_equal(cs_model_node_count(model), cs_model_node_count(played));
		for (uint32_t id = 1; id <= cs_model_cell_count(played); id++)
			assert_true(cs_model_cell_at(model, id)->sum.alloc_bytes ==
			            cs_model_cell_at(played, id)->sum.alloc_bytes);
		cs_model_free(model);
	}
	cs_model_free(played);
	free(file.bytes);
}

/* ---- whole chunks with contents that a writer of ours would not write ---- */

/* The file with the chunk at AT replaced by PAYLOAD, uncompressed; without an index. */
static struct story_file with_payload(struct story_file file, size_t at,
                                      const struct cs_buffer *payload)
{
	struct story_file out = {0};
	struct cs_chunk_header head;
	size_t behind, index = chunk_offset(file, CS_CHUNK_INDEX, 0);

	assert_true(trace_edit_head(file.bytes, file.size, at, &head));
	behind = at + sizeof(head) + head.stored_bytes;
	head.flags &= (uint16_t)~CS_CHUNK_ZSTD;
	head.stored_bytes = head.raw_bytes = (uint32_t)payload->size;
	out.size = at + sizeof(head) + payload->size + (index - behind);
	out.bytes = malloc(out.size);
	memcpy(out.bytes, file.bytes, at);
	memcpy(out.bytes + at, &head, sizeof(head));
	memcpy(out.bytes + at + sizeof(head), payload->data, payload->size);
	memcpy(out.bytes + at + sizeof(head) + payload->size, file.bytes + behind, index - behind);
	trace_edit_seal_chunk(out.bytes, at, head);
	return out;
}

static void get_payload(struct story_file file, size_t at, struct cs_buffer *payload)
{
	struct cs_chunk_header head;

	assert_true(trace_edit_head(file.bytes, file.size, at, &head));
	cs_buffer_clear(payload);
	assert_int_equal(cs_buffer_reserve(payload, head.raw_bytes), 0);
	payload->size = head.raw_bytes;
	if (head.flags & CS_CHUNK_ZSTD)
		assert_int_equal(ZSTD_decompress(payload->data, payload->size,
		                                 file.bytes + at + sizeof(head), head.stored_bytes),
		                 head.raw_bytes);
	else
		memcpy(payload->data, file.bytes + at + sizeof(head), head.raw_bytes);
}

/* Kinds and fields of the future must not disturb a reader of today. */
static void unknown_records_and_fields_are_passed_over(void **state)
{
	struct story_file file = story_record(&small), changed;
	struct cs_buffer payload = {0}, longer = {0};
	size_t at = chunk_offset(file, CS_CHUNK_DELTAS, 5);
	struct cs_model *model = cs_model_new(), *played = story_play(&small, 6, NULL);
	struct cs_trace *trace;
	struct cs_cursor cursor;

	(void)state;
	get_payload(file, at, &payload);
	cursor = cs_cursor_over(payload.data, payload.size);
	while (cs_cursor_left(&cursor)) {
		uint64_t kind = cs_get_varint(&cursor), size = cs_get_varint(&cursor);

		cs_put_varint(&longer, 99);
		cs_put_text(&longer, "of the future");
		cs_put_varint(&longer, kind);
		cs_put_varint(&longer, size + 3); /* three fields more */
		cs_put_bytes(&longer, cs_get_bytes(&cursor, size), size);
		cs_put_bytes(&longer, "\1\2\3", 3);
	}
	/* A text's length is stored plus 1, a record's is not. */
	for (size_t i = 0; i + 14 < longer.size; i++)
		if (longer.data[i] == 99 && !memcmp(longer.data + i + 2, "of the future", 13))
			longer.data[i + 1] = 13;
	changed = with_payload(file, at, &longer);
	trace = story_open(changed, NULL);
	assert_int_equal(cs_trace_load(trace, UINT64_MAX, model, NULL, NULL), 0);
	assert_null(cs_trace_warning(trace));
	story_assert_same(model, played);
	cs_trace_close(trace);
	cs_model_free(model);
	cs_model_free(played);
	cs_buffer_free(&payload);
	cs_buffer_free(&longer);
	free(changed.bytes);
	free(file.bytes);
}

/* Past the checksums: random bytes in every kind of chunk, thousands of times. */
static void hostile_records_do_no_harm(void **state)
{
	struct story_file file = story_record(&small);
	struct cs_buffer payload = {0};

	(void)state;
	srand(11);
	for (int i = 0; i < 4000; i++) {
		static const enum cs_chunk_kind kinds[] = {
			CS_CHUNK_SESSION, CS_CHUNK_DEFS,    CS_CHUNK_DELTAS, CS_CHUNK_KEYFRAME,
			CS_CHUNK_SYMBOLS, CS_CHUNK_SUMMARY, CS_CHUNK_LOSSES, CS_CHUNK_DEFS,
		};
		size_t at = chunk_offset(file, kinds[i % 8], 0);
		struct story_file changed;

		get_payload(file, at, &payload);
		for (int k = rand() % 4; k >= 0; k--)
			payload.data[(size_t)rand() % payload.size] =
				rand() % 3 ? (unsigned char)rand() : 0xff;
		if (i % 5 == 0)
			payload.size = (size_t)rand() % payload.size;
		changed = with_payload(file, at, &payload);
		try_file(changed, true);
		free(changed.bytes);
	}
	cs_buffer_free(&payload);
	free(file.bytes);
}

/* A few bytes must not make us take memory for millions. */
static void lying_numbers_cost_nothing(void **state)
{
	static const unsigned char base[] = {3,    30,   0xff, 0xff, 0xff, 0xff, 0x0f, 0xff,
	                                     0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0xff,
	                                     0x0f, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff,
	                                     0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0xff, 0x0f};
	struct story_file file = story_record(&small), changed;
	struct cs_buffer payload = {0};
	struct cs_trace *trace;
	struct cs_model *model = cs_model_new();

	(void)state;
	cs_put_bytes(&payload, base, sizeof(base));
	changed = with_payload(file, chunk_offset(file, CS_CHUNK_DEFS, 0), &payload);
	trace = story_open(changed, NULL);
	assert_int_equal(cs_trace_load(trace, UINT64_MAX, model, NULL, NULL), 0);
	assert_non_null(cs_trace_warning(trace));
	assert_int_equal(cs_model_process_count(model), 0);
	cs_trace_close(trace);
	cs_model_free(model);
	cs_buffer_free(&payload);
	free(changed.bytes);
	free(file.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_cut_anywhere_reads_to_its_last_whole_chunk),
		cmocka_unit_test(flipped_bits_are_noticed),
		cmocka_unit_test(noise_is_refused_in_words),
		cmocka_unit_test(another_version_is_told_with_the_way_out),
		cmocka_unit_test(a_damaged_change_is_healed_by_the_next_keyframe),
		cmocka_unit_test(a_damaged_keyframe_is_done_without),
		cmocka_unit_test(lost_definitions_leave_the_others_their_numbers),
		cmocka_unit_test(unknown_records_and_fields_are_passed_over),
		cmocka_unit_test(hostile_records_do_no_harm),
		cmocka_unit_test(lying_numbers_cost_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
