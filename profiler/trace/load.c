/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state at a time: all definitions up to it, the last whole keyframe at or before it,
 * and the changes from there on. Chunks stream by, none is kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/restore.h"
#include "trace/decode.h"
#include "trace/reader.h"

struct cs_trace_place {
	uint32_t chunks;
	struct cs_slot_map slots;
	uint32_t lost_frame;
};

struct loading {
	struct cs_trace *trace;
	struct cs_decoder decoder;
	uint64_t time_ns;
	uint64_t state_ns; /* the latest change that was seen */
};

static bool is_due(const struct loading *loading, size_t index, enum cs_chunk_kind kind)
{
	const struct cs_trace_chunk *chunk = &loading->trace->chunks[index].chunk;

	return chunk->kind == kind && chunk->to_ns <= loading->time_ns;
}

/* 0: applied, or passed over with a warning. -ENOMEM, or what a rest gave. */
static int apply(struct loading *loading, size_t index)
{
	struct cs_trace *trace = loading->trace;
	const struct cs_buffer *payload = cs_trace_payload(trace, index);
	uint64_t to_ns = trace->chunks[index].chunk.to_ns;
	int error;

	loading->decoder.lost_bytes = trace->lost_bytes;
	loading->decoder.pace = trace->pace;
	error = cs_pace_rest(trace->pace);
	if (error || !payload)
		return error;
	error = cs_decode_chunk(&loading->decoder, payload);
	if (error && error != -EINVAL)
		return error;
	/* -EINVAL: it speaks of definitions that are not there. */
	cs_trace_warn_records(trace, index, loading->decoder.bad_records + (error ? 1 : 0));
	if (to_ns > loading->state_ns)
		loading->state_ns = to_ns;
	return 0;
}

static int apply_all(struct loading *loading, enum cs_chunk_kind kind, size_t from)
{
	int error = 0;

	for (size_t i = from; !error && i < loading->trace->chunk_count; i++)
		if (is_due(loading, i, kind))
			error = apply(loading, i);
	return error;
}

/* The keyframe whose last chunk is LAST: the place of its first, or chunk_count if not whole. */
static size_t keyframe_start(const struct loading *loading, size_t last)
{
	const struct cs_known_chunk *chunks = loading->trace->chunks;

	for (size_t i = last;; i--) {
		if (chunks[i].chunk.kind != CS_CHUNK_KEYFRAME ||
		    chunks[i].chunk.to_ns != chunks[last].chunk.to_ns ||
		    chunks[i].head.number + (last - i) != chunks[last].head.number)
			break;
		if (chunks[i].head.flags & CS_CHUNK_FIRST)
			return i;
		if (i == 0)
			break;
	}
	return loading->trace->chunk_count;
}

/* A keyframe in parts is applied only if all of them are undamaged. */
static bool is_whole(struct loading *loading, size_t first, size_t last)
{
	for (size_t i = first; i <= last; i++) {
		if (!cs_trace_payload(loading->trace, i))
			return false;
		(void)cs_pace_rest(loading->trace->pace); /* applying it is told to end as well */
	}
	return true;
}

/* Applies the last whole keyframe; *NEXT is the chunk behind it, 0 if there is none. */
static int apply_keyframe(struct loading *loading, size_t *next)
{
	const struct cs_trace *trace = loading->trace;

	*next = 0;
	for (size_t last = trace->chunk_count; last-- > 0;) {
		size_t first;
		int error = 0;

		if (!is_due(loading, last, CS_CHUNK_KEYFRAME) ||
		    !(trace->chunks[last].head.flags & CS_CHUNK_LAST))
			continue;
		first = keyframe_start(loading, last);
		if (first == trace->chunk_count || !is_whole(loading, first, last))
			continue;
		for (size_t i = first; !error && i <= last; i++)
			error = apply(loading, i);
		*next = last + 1;
		return error;
	}
	return 0;
}

static void ignore(void *context, uint32_t id)
{
	(void)context;
	(void)id;
}

/* What was loaded is not a change. */
static void settle(const struct loading *loading)
{
	struct cs_model *model = loading->decoder.model;

	cs_model_take_dirty_processes(model, ignore, NULL);
	cs_model_take_dirty_threads(model, ignore, NULL);
	cs_model_take_dirty_cells(model, ignore, NULL);
	cs_model_set_now(model, loading->state_ns);
}

static int load_state(struct loading *loading)
{
	size_t next = 0;
	int error = apply_all(loading, CS_CHUNK_DEFS, 0);

	if (!error)
		error = apply_keyframe(loading, &next);
	if (!error)
		error = apply_all(loading, CS_CHUNK_DELTAS, next);
	return error;
}

/* Names are kept whatever the time: they are written at the end. */
static int load_symbols(struct loading *loading, struct cs_symbols *symbols)
{
	uint64_t time_ns = loading->time_ns, state_ns = loading->state_ns;
	int error;

	if (!symbols)
		return 0;
	loading->decoder.symbols = symbols;
	loading->time_ns = UINT64_MAX;
	error = apply_all(loading, CS_CHUNK_SYMBOLS, 0);
	loading->time_ns = time_ns;
	loading->state_ns = state_ns;
	return error;
}

/* What the next stretch needs of this one stays in PLACE; the rest goes. */
static void keep_place(struct loading *loading, struct cs_trace_place *place)
{
	if (place) {
		place->slots = loading->decoder.slots;
		place->lost_frame = loading->decoder.lost_frame;
		loading->decoder.slots = (struct cs_slot_map){0};
	}
	cs_decoder_free(&loading->decoder);
}

static int load(struct cs_trace *trace, uint64_t time_ns, struct cs_trace_place *place,
                struct cs_model *model, struct cs_symbols *symbols, struct cs_diag *diag)
{
	struct loading loading = {
		.trace = trace,
		.decoder = {.model = model},
		.time_ns = time_ns,
	};
	int error;

	if (cs_model_process_count(model) || cs_model_module_count(model))
		return cs_diag_set(diag, -EINVAL, "load %s: the model is in use", trace->name);
	if (place)
		place->chunks = (uint32_t)trace->chunk_count;
	error = load_state(&loading);
	if (!error)
		error = load_symbols(&loading, symbols);
	settle(&loading);
	keep_place(&loading, place);
	if (error)
		cs_diag_set(diag, error, "load %s: %s", trace->name, strerror(-error));
	return error;
}

int cs_trace_load(struct cs_trace *trace, uint64_t time_ns, struct cs_model *model,
                  struct cs_symbols *symbols, struct cs_diag *diag)
{
	return load(trace, time_ns, NULL, model, symbols, diag);
}

/* ---- going on ---- */

struct cs_trace_place *cs_trace_place_new(void)
{
	return calloc(1, sizeof(struct cs_trace_place));
}

void cs_trace_place_free(struct cs_trace_place *place)
{
	struct cs_decoder decoder = {0};

	if (!place)
		return;
	decoder.slots = place->slots;
	cs_decoder_free(&decoder);
	free(place);
}

int cs_trace_load_place(struct cs_trace *trace, struct cs_trace_place *place,
                        struct cs_model *model, struct cs_symbols *symbols, struct cs_diag *diag)
{
	return load(trace, UINT64_MAX, place, model, symbols, diag);
}

/* Kinds by which a state goes on; a keyframe repeats what is known. */
static bool goes_on(uint32_t kind)
{
	return kind == CS_CHUNK_DEFS || kind == CS_CHUNK_DELTAS || kind == CS_CHUNK_SYMBOLS;
}

int cs_trace_load_more(struct cs_trace *trace, struct cs_trace_place *place, uint32_t chunks,
                       struct cs_model *model, struct cs_symbols *symbols, struct cs_diag *diag)
{
	struct loading loading = {
		.trace = trace,
		.decoder = {.model = model,
	                    .symbols = symbols,
	                    .slots = place->slots,
	                    .lost_frame = place->lost_frame},
		.time_ns = UINT64_MAX,
		.state_ns = cs_model_now(model),
	};
	int error = 0;

	for (; !error && place->chunks < chunks && place->chunks < trace->chunk_count;
	     place->chunks++) {
		uint32_t kind = trace->chunks[place->chunks].chunk.kind;

		if (goes_on(kind) && (symbols || kind != CS_CHUNK_SYMBOLS))
			error = apply(&loading, place->chunks);
	}
	settle(&loading);
	keep_place(&loading, place);
	if (error)
		cs_diag_set(diag, error, "load %s: %s", trace->name, strerror(-error));
	return error;
}

int cs_trace_load_interval(struct cs_trace *trace, uint64_t from_ns, uint64_t to_ns,
                           struct cs_model *model, struct cs_symbols *symbols, struct cs_diag *diag)
{
	struct cs_model *before = cs_model_new();
	int error;

	if (!before)
		return cs_diag_set(diag, -ENOMEM, "load %s: not enough memory", trace->name);
	error = cs_trace_load(trace, from_ns, before, NULL, diag);
	if (!error)
		error = cs_trace_load(trace, to_ns, model, symbols, diag);
	if (!error)
		cs_model_subtract(model, before);
	cs_model_free(before);
	return error;
}
