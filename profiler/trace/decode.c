/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: the model has as many definitions of a kind as the file has told, counting those
 * that were lost with a damaged chunk: numbers behind a gap mean what they did when written.
 */
#include "trace/decode.h"

#include <errno.h>
#include <stdlib.h>

#include "base/list.h"
#include "model/restore.h"
#include "model/tally.h"
#include "trace/fields.h"

/* A definition takes 4 bytes at least, of which compression leaves no less than this. */
#define DEFINITIONS_PER_LOST_BYTE 64

static void forget_strings(struct cs_decoder *decoder)
{
	for (size_t i = 0; i < decoder->string_count; i++)
		free(decoder->strings[i]);
	decoder->string_count = 0;
}

void cs_decoder_free(struct cs_decoder *decoder)
{
	forget_strings(decoder);
	free(decoder->strings);
	cs_index_free(&decoder->slots.index);
	free(decoder->slots.slot_of);
}

bool cs_record_next(struct cs_cursor *payload, uint64_t *kind, struct cs_cursor *fields)
{
	if (!cs_cursor_left(payload))
		return false;
	*kind = cs_get_varint(payload);
	*fields = cs_get_part(payload, cs_get_varint(payload));
	return !payload->failed;
}

/* ---- definitions ---- */

/* Stands for a definition that was lost, so that those behind it keep their numbers. */
static int restore_lost(struct cs_decoder *decoder, enum cs_trace_record kind)
{
	struct cs_model *model = decoder->model;
	struct cs_process process = {0};
	struct cs_thread thread = {
		.process = 1, .cpu_ns = CS_UNKNOWN, .wait_ns = CS_UNKNOWN, .share_ppm = CS_UNKNOWN};
	struct cs_module module = {0};
	struct cs_frame frame = {.module = CS_MODULE_NONE, .offset = CS_FRAME_LOST};
	struct cs_node node = {.frame = decoder->lost_frame};
	struct cs_runtime runtime = {.process = 1, .name = (char[]){"?"}};
	struct cs_tally tally = {.process = 1};
	struct cs_figure figure = {.process = 1};

	switch (kind) {
	case CS_TRACE_PROCESS:
		return cs_model_restore_process(model, &process);
	case CS_TRACE_THREAD:
		return cs_model_restore_thread(model, &thread);
	case CS_TRACE_MODULE:
		return cs_model_restore_module(model, &module);
	case CS_TRACE_FRAME:
		if (!decoder->lost_frame)
			decoder->lost_frame = cs_model_frame_count(model) + 1;
		return cs_model_restore_frame(model, &frame);
	case CS_TRACE_NODE:
		return cs_model_restore_node(model, &node);
	case CS_TRACE_CELL:
		return cs_model_restore_cell(model, &(struct cs_cell){.process = 1});
	case CS_TRACE_TEXT:
		return cs_model_restore_text(model, "?");
	case CS_TRACE_RUNTIME:
		return cs_model_restore_runtime(model, &runtime);
	case CS_TRACE_TALLY:
		return cs_model_restore_tally(model, &tally);
	case CS_TRACE_FIGURE:
		return cs_model_restore_figure(model, &figure);
	default:
		return -EINVAL;
	}
}

/* COUNT definitions were made before this chunk, of which we have HAVE. */
static int fill_gap(struct cs_decoder *decoder, enum cs_trace_record kind, uint32_t have,
                    uint64_t count)
{
	uint64_t allowed = decoder->lost_bytes > UINT32_MAX
	                           ? UINT32_MAX
	                           : decoder->lost_bytes * DEFINITIONS_PER_LOST_BYTE;

	if (count < have || count - have > allowed)
		return -EINVAL;
	for (; have < count; have++) {
		int error = restore_lost(decoder, kind);

		if (error)
			return error;
	}
	return 0;
}

static int decode_base(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	const struct cs_model *model = decoder->model;
	const struct {
		enum cs_trace_record kind;
		uint32_t have;
	} kinds[] = {
		{CS_TRACE_PROCESS, cs_model_process_count(model)},
		{CS_TRACE_THREAD, cs_model_thread_count(model)},
		{CS_TRACE_MODULE, cs_model_module_count(model)},
		{CS_TRACE_FRAME, cs_model_frame_count(model)},
		{CS_TRACE_NODE, cs_model_node_count(model)},
		{CS_TRACE_CELL, cs_model_cell_count(model)},
		{CS_TRACE_TEXT, cs_model_text_count(model)},
		{CS_TRACE_RUNTIME, cs_model_runtime_count(model)},
		{CS_TRACE_TALLY, cs_model_tally_count(model)},
		{CS_TRACE_FIGURE, cs_model_figure_count(model)},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (kinds[i].kind >= CS_TRACE_TEXT && !cs_cursor_left(fields))
			break; /* written before there were any */
		uint64_t count = cs_get_varint(fields);
		int error = fields->failed ? -EINVAL
		                           : fill_gap(decoder, kinds[i].kind, kinds[i].have, count);

		if (error)
			return error;
	}
	return 0;
}

static int decode_process(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	struct cs_process process = {0};
	int error = -EINVAL;

	if (cs_fields_get(fields, cs_process_fields, &process))
		error = cs_model_restore_process(decoder->model, &process);
	cs_fields_free(cs_process_fields, &process);
	return error;
}

static int decode_thread(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	struct cs_thread thread = {
		.cpu_ns = CS_UNKNOWN, .wait_ns = CS_UNKNOWN, .share_ppm = CS_UNKNOWN};

	if (!cs_fields_get(fields, cs_thread_fields, &thread))
		return -EINVAL;
	return cs_model_restore_thread(decoder->model, &thread);
}

static int decode_module(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	struct cs_module module = {.path = cs_get_text(fields)};
	const void *build_id;
	int error = -EINVAL;

	module.build_id_bytes = cs_get_u32(fields);
	build_id = module.build_id_bytes <= sizeof(module.build_id)
	                   ? cs_get_bytes(fields, module.build_id_bytes)
	                   : NULL;
	if (build_id && !fields->failed) {
		memcpy(module.build_id, build_id, module.build_id_bytes);
		error = cs_model_restore_module(decoder->model, &module);
	}
	free(module.path);
	return error;
}

static int decode_frame(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	struct cs_frame frame = {.module = cs_get_u32(fields)};
	int error;

	frame.offset = cs_get_varint(fields);
	error = fields->failed ? -EINVAL : cs_model_restore_frame(decoder->model, &frame);
	if (!error && frame.module == CS_MODULE_NONE && frame.offset == CS_FRAME_LOST)
		decoder->lost_frame = cs_model_frame_count(decoder->model);
	return error;
}

static int decode_node(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	struct cs_node node = {.parent = cs_get_u32(fields)};

	node.frame = cs_get_u32(fields);
	return fields->failed ? -EINVAL : cs_model_restore_node(decoder->model, &node);
}

static int decode_cell(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	struct cs_cell key = {.process = cs_get_u32(fields)};

	key.thread = cs_get_u32(fields);
	key.node = cs_get_u32(fields);
	if (cs_cursor_left(fields))
		key.spawn = cs_get_u32(fields);
	return fields->failed ? -EINVAL : cs_model_restore_cell(decoder->model, &key);
}

/* ---- states ---- */

/* Whether following parents (or what was replaced by exec) from process ID ends. */
static bool ends(const struct cs_model *model, uint32_t id, bool by_exec)
{
	uint32_t steps = cs_model_process_count(model);
	const struct cs_process *process = cs_model_process_at(model, id);

	for (; process && steps > 0; steps--)
		process = cs_model_process_at(model, by_exec ? process->exec_of : process->parent);
	return !process;
}

static int decode_process_state(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	uint32_t id = cs_get_u32(fields), count = cs_model_process_count(decoder->model);
	struct cs_process *process = cs_model_process_at(decoder->model, id);

	if (!process || !cs_fields_get(fields, cs_process_state_fields, process))
		return -EINVAL;
	/* Whoever follows these must not leave the model, nor run in circles. */
	if (process->parent > count || !ends(decoder->model, id, false))
		process->parent = 0;
	if (process->exec_of > count || !ends(decoder->model, id, true))
		process->exec_of = 0;
	return 0;
}

static int decode_memory(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	struct cs_process *process = cs_model_process_at(decoder->model, cs_get_u32(fields));

	if (!process)
		return -EINVAL;
	if (!process->memory)
		process->memory = calloc(1, sizeof(*process->memory));
	if (!process->memory)
		return -ENOMEM;
	return cs_fields_get(fields, cs_memory_fields, process->memory) ? 0 : -EINVAL;
}

static int decode_thread_state(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	struct cs_thread *thread = cs_model_thread_at(decoder->model, cs_get_u32(fields));

	if (!thread || !cs_fields_get(fields, cs_thread_state_fields, thread))
		return -EINVAL;
	thread->coroutine = cs_decode_slot(decoder, thread->coroutine);
	if (thread->state >= CS_THREAD_STATES) /* of a later version */
		thread->state = CS_THREAD_UNKNOWN;
	return 0;
}

static void get_variances(struct cs_cursor *fields, struct cs_heap_sum *sum)
{
	sum->alloc_bytes_var = cs_get_double(fields);
	sum->alloc_objects_var = cs_get_double(fields);
	sum->free_bytes_var = cs_get_double(fields);
	sum->free_objects_var = cs_get_double(fields);
}

static void get_peak(struct cs_cursor *fields, struct cs_cell *cell, uint64_t flags, uint64_t unit)
{
	cell->peak_bytes = cs_get_varint(fields);
	cell->peak_objects = cs_get_varint(fields) * unit;
	cell->peak_samples = flags & CS_SUM_SAMPLES ? cs_get_varint(fields)
	                                            : cell->peak_objects / CS_OBJECT;
	if (flags & CS_SUM_PEAK_VARIANCES) {
		cell->peak_bytes_var = cs_get_double(fields);
		cell->peak_objects_var = cs_get_double(fields);
	}
}

bool cs_decode_sum(struct cs_cursor *fields, uint32_t *last, struct cs_cell *cell, bool *peak)
{
	struct cs_heap_sum *sum = &cell->sum;
	uint64_t flags, unit, bytes, objects;

	memset(cell, 0, sizeof(*cell));
	*last += (uint32_t)cs_get_signed(fields); /* wraps as it was written */
	flags = cs_get_varint(fields);
	unit = flags & CS_SUM_FRACTIONS ? 1 : CS_OBJECT;
	sum->alloc_bytes = cs_get_varint(fields);
	sum->alloc_objects = cs_get_varint(fields) * unit;
	bytes = cs_get_varint(fields);
	objects = cs_get_varint(fields) * unit;
	sum->temporary_objects = cs_get_varint(fields) * unit;
	if (bytes > sum->alloc_bytes || objects > sum->alloc_objects)
		return false;
	sum->free_bytes = sum->alloc_bytes - bytes;
	sum->free_objects = sum->alloc_objects - objects;
	sum->samples = sum->alloc_objects / CS_OBJECT;
	sum->live_samples = objects / CS_OBJECT;
	if (flags & CS_SUM_SAMPLES) {
		sum->samples = cs_get_varint(fields);
		sum->live_samples = cs_get_varint(fields);
	}
	if (flags & CS_SUM_VARIANCES)
		get_variances(fields, sum);
	*peak = flags & CS_SUM_PEAK;
	if (*peak)
		get_peak(fields, cell, flags, unit);
	return !fields->failed;
}

static int decode_cell_sum(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	const struct cs_process *process;
	struct cs_cell cell, *known;
	bool peak;

	if (!cs_decode_sum(fields, &decoder->last_cell, &cell, &peak))
		return -EINVAL;
	known = cs_model_cell_at(decoder->model, decoder->last_cell);
	if (!known)
		return -EINVAL;
	process = cs_model_process_at(decoder->model, known->process);
	/* Any other number says "as now", today and after later peaks. */
	cell.peak_epoch = peak ? process->peak_epoch : process->peak_epoch - 1;
	return cs_model_restore_sum(decoder->model, decoder->last_cell, &cell);
}

/* ---- names ---- */

static int decode_string(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	void *strings = decoder->strings;
	char *text;

	if (cs_array_reserve(&strings, &decoder->string_room, sizeof(*decoder->strings),
	                     decoder->string_count + 1))
		return -ENOMEM;
	decoder->strings = strings;
	text = cs_get_text(fields);
	decoder->strings[decoder->string_count++] = text; /* NULL keeps the numbers right */
	return text ? 0 : -EINVAL;
}

static const char *string_at(const struct cs_decoder *decoder, uint64_t number)
{
	return number && number <= decoder->string_count ? decoder->strings[number - 1] : NULL;
}

static int decode_names(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	uint32_t frame = cs_get_u32(fields);
	uint32_t count = cs_get_u32(fields);
	struct cs_name *names;
	int error;

	/* Not wanted, or of a frame that appears later than the time that is loaded. */
	if (!decoder->symbols || frame > cs_model_frame_count(decoder->model))
		return 0;
	if (!frame || count > cs_cursor_left(fields) / 4)
		return -EINVAL;
	names = calloc(count ? count : 1, sizeof(*names));
	if (!names)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		names[i].function = string_at(decoder, cs_get_varint(fields));
		names[i].file = string_at(decoder, cs_get_varint(fields));
		names[i].line = cs_get_u32(fields);
		names[i].inlined = cs_get_varint(fields) != 0;
	}
	error = fields->failed ? -EINVAL : cs_symbols_set(decoder->symbols, frame, names, count);
	free(names);
	return error;
}

static cs_decode_record *const records[CS_TRACE_RECORD_COUNT] = {
	[CS_TRACE_BASE] = decode_base,
	[CS_TRACE_PROCESS] = decode_process,
	[CS_TRACE_THREAD] = decode_thread,
	[CS_TRACE_MODULE] = decode_module,
	[CS_TRACE_FRAME] = decode_frame,
	[CS_TRACE_NODE] = decode_node,
	[CS_TRACE_CELL] = decode_cell,
	[CS_TRACE_PROCESS_STATE] = decode_process_state,
	[CS_TRACE_MEMORY] = decode_memory,
	[CS_TRACE_THREAD_STATE] = decode_thread_state,
	[CS_TRACE_CELL_SUM] = decode_cell_sum,
	[CS_TRACE_STRING] = decode_string,
	[CS_TRACE_NAMES] = decode_names,
	[CS_TRACE_TEXT] = cs_decode_text,
	[CS_TRACE_RUNTIME] = cs_decode_runtime,
	[CS_TRACE_TALLY] = cs_decode_tally,
	[CS_TRACE_FIGURE] = cs_decode_figure,
	[CS_TRACE_COROUTINE] = cs_decode_coroutine,
	[CS_TRACE_COROUTINE_STATE] = cs_decode_coroutine_state,
	[CS_TRACE_COROUTINE_HEAP] = cs_decode_coroutine_heap,
	[CS_TRACE_COROUTINE_GONE] = cs_decode_coroutine_gone,
	[CS_TRACE_TALLY_SUM] = cs_decode_tally_sum,
	[CS_TRACE_FIGURE_VALUE] = cs_decode_figure_value,
};

/* A definition that makes no sense still has a number. */
static int keep_number(struct cs_decoder *decoder, uint64_t kind)
{
	decoder->bad_records++;
	if ((kind < CS_TRACE_PROCESS || kind > CS_TRACE_CELL) &&
	    (kind < CS_TRACE_TEXT || kind > CS_TRACE_FIGURE))
		return 0;
	return restore_lost(decoder, (enum cs_trace_record)kind);
}

int cs_decode_chunk(struct cs_decoder *decoder, const struct cs_buffer *payload)
{
	struct cs_cursor cursor = cs_cursor_over(payload->data, payload->size);
	struct cs_cursor fields;
	uint32_t records_seen = 0;
	uint64_t kind;

	decoder->last_cell = decoder->last_slot = decoder->last_tally = 0;
	decoder->bad_records = 0;
	forget_strings(decoder);
	while (cs_record_next(&cursor, &kind, &fields)) {
		int error = cs_pace_step(decoder->pace, records_seen++);

		if (error)
			return error;
		if (kind >= CS_TRACE_RECORD_COUNT || !records[kind] ||
		    (decoder->only && !(decoder->only >> kind & 1)))
			continue;
		error = records[kind](decoder, &fields);
		if (error == -EINVAL && kind != CS_TRACE_BASE)
			error = keep_number(decoder, kind);
		if (error)
			return error;
	}
	if (cursor.failed)
		decoder->bad_records++;
	return 0;
}
