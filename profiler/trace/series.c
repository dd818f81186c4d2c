/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trace as a course of time: events one by one, and the state tick by tick.
 */
#include <errno.h>
#include <string.h>

#include "trace/decode.h"
#include "trace/reader.h"

/* ---- events ---- */

struct interval {
	uint64_t from_ns, to_ns;
	cs_trace_event_visit *visit;
	void *context;
};

static int visit_events(const struct interval *interval, const struct cs_buffer *payload,
                        uint32_t *bad)
{
	struct cs_cursor cursor = cs_cursor_over(payload->data, payload->size), fields;
	uint64_t kind, last_ns = 0;
	int result = 0;

	while (!result && cs_record_next(&cursor, &kind, &fields)) {
		struct cs_trace_event event;

		if (kind != CS_TRACE_EVENT)
			continue;
		if (!cs_decode_event(&fields, &last_ns, &event))
			++*bad;
		else if (event.kind && event.time_ns > interval->from_ns &&
		         event.time_ns <= interval->to_ns)
			result = interval->visit(interval->context, &event);
	}
	*bad += cursor.failed;
	return result;
}

int cs_trace_events(struct cs_trace *trace, uint64_t from_ns, uint64_t to_ns,
                    cs_trace_event_visit *visit, void *context, struct cs_diag *diag)
{
	const struct interval interval = {from_ns, to_ns, visit, context};
	int result = 0;

	(void)diag;
	for (size_t i = 0; !result && i < trace->chunk_count; i++) {
		const struct cs_trace_chunk *chunk = &trace->chunks[i].chunk;
		const struct cs_buffer *payload;
		uint32_t bad = 0;

		if (chunk->kind != CS_CHUNK_EVENTS || chunk->to_ns <= from_ns ||
		    chunk->from_ns > to_ns)
			continue;
		payload = cs_trace_payload(trace, i);
		result = cs_pace_rest(trace->pace);
		if (payload && !result)
			result = visit_events(&interval, payload, &bad);
		cs_trace_warn_records(trace, i, bad);
	}
	return result;
}

/* ---- tick by tick ---- */

/* Definitions are kept all, for their numbers. */
#define SERIES                                                                         \
	(UINT64_C(1) << CS_TRACE_BASE | UINT64_C(1) << CS_TRACE_PROCESS |              \
	 UINT64_C(1) << CS_TRACE_THREAD | UINT64_C(1) << CS_TRACE_MODULE |             \
	 UINT64_C(1) << CS_TRACE_FRAME | UINT64_C(1) << CS_TRACE_NODE |                \
	 UINT64_C(1) << CS_TRACE_CELL | UINT64_C(1) << CS_TRACE_TEXT |                 \
	 UINT64_C(1) << CS_TRACE_RUNTIME | UINT64_C(1) << CS_TRACE_TALLY |             \
	 UINT64_C(1) << CS_TRACE_FIGURE | UINT64_C(1) << CS_TRACE_PROCESS_STATE |      \
	 UINT64_C(1) << CS_TRACE_MEMORY | UINT64_C(1) << CS_TRACE_THREAD_STATE |       \
	 UINT64_C(1) << CS_TRACE_COROUTINE | UINT64_C(1) << CS_TRACE_COROUTINE_STATE | \
	 UINT64_C(1) << CS_TRACE_COROUTINE_GONE | UINT64_C(1) << CS_TRACE_FIGURE_VALUE)

static bool is_state(uint32_t kind)
{
	return kind == CS_CHUNK_DEFS || kind == CS_CHUNK_DELTAS || kind == CS_CHUNK_KEYFRAME;
}

static int apply(struct cs_trace *trace, struct cs_decoder *decoder, size_t index)
{
	const struct cs_buffer *payload = cs_trace_payload(trace, index);
	int error;

	decoder->lost_bytes = trace->lost_bytes;
	decoder->pace = trace->pace;
	error = cs_pace_rest(trace->pace);
	if (error || !payload)
		return error;
	error = cs_decode_chunk(decoder, payload);
	if (error && error != -EINVAL)
		return error;
	cs_trace_warn_records(trace, index, decoder->bad_records + (error ? 1 : 0));
	return 0;
}

/* The state is whole when the chunk behind it is of another time, or there is none. */
static bool ends_tick(const struct cs_trace *trace, size_t index)
{
	const struct cs_trace_chunk *chunk = &trace->chunks[index].chunk;

	if (chunk->kind != CS_CHUNK_DELTAS && chunk->kind != CS_CHUNK_KEYFRAME)
		return false;
	for (size_t next = index + 1; next < trace->chunk_count; next++) {
		const struct cs_trace_chunk *later = &trace->chunks[next].chunk;

		if (is_state(later->kind))
			return later->to_ns != chunk->to_ns;
	}
	return true;
}

int cs_trace_series(struct cs_trace *trace, struct cs_model *model, cs_trace_series_visit *visit,
                    void *context, struct cs_diag *diag)
{
	struct cs_decoder decoder = {.model = model, .only = SERIES};
	int result = 0;

	for (size_t i = 0; !result && i < trace->chunk_count; i++) {
		const struct cs_trace_chunk *chunk = &trace->chunks[i].chunk;

		if (!is_state(chunk->kind))
			continue;
		/* It tells all that there are; who was lost sight of must not stay. */
		if (chunk->kind == CS_CHUNK_KEYFRAME &&
		    trace->chunks[i].head.flags & CS_CHUNK_FIRST)
			cs_decode_forget_coroutines(&decoder);
		result = apply(trace, &decoder, i);
		if (result)
			cs_diag_set(diag, result, "read %s: %s", trace->name, strerror(-result));
		if (result || !ends_tick(trace, i))
			continue;
		cs_model_set_now(model, chunk->to_ns);
		result = visit(context, model, chunk->to_ns);
	}
	cs_decoder_free(&decoder);
	return result;
}
