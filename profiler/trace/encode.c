/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums are written as they are, not as differences: what a damaged chunk has lost is right
 * again when the cell changes next, and the recorder need not remember what it wrote.
 */
#include "trace/encode.h"

#include "base/list.h"
#include "model/tally.h"

#include <errno.h>
#include <stdlib.h>

void cs_encoder_free(struct cs_encoder *encoder)
{
	cs_buffer_free(&encoder->payload);
	cs_buffer_free(&encoder->record);
}

/* What is written as a difference starts anew in each chunk. */
static void restart_numbers(struct cs_encoder *encoder)
{
	encoder->last_cell = 0;
	encoder->last_slot = 0;
	encoder->last_tally = 0;
	encoder->last_event_ns = 0;
	encoder->strings = 0;
}

void cs_encode_begin(struct cs_encoder *encoder, enum cs_chunk_kind kind, uint64_t from_ns,
                     uint64_t to_ns)
{
	cs_buffer_clear(&encoder->payload);
	cs_buffer_clear(&encoder->record);
	restart_numbers(encoder);
	encoder->head = (struct cs_chunk_header){
		.kind = (uint16_t)kind,
		.flags = kind == CS_CHUNK_KEYFRAME ? CS_CHUNK_FIRST : 0,
		.from_ns = from_ns,
		.to_ns = to_ns,
	};
}

/* Keeps the first error in the chunk writer, where every caller looks. */
static void flush(struct cs_encoder *encoder)
{
	if (encoder->record.error && !encoder->payload.error)
		encoder->payload.error = encoder->record.error;
	(void)cs_chunk_write(encoder->out, encoder->head, &encoder->payload);
	cs_buffer_clear(&encoder->payload);
	encoder->head.flags &= (uint16_t)~CS_CHUNK_FIRST;
	restart_numbers(encoder);
}

int cs_encode_end(struct cs_encoder *encoder)
{
	if (encoder->head.kind == CS_CHUNK_KEYFRAME)
		encoder->head.flags |= CS_CHUNK_LAST;
	if (encoder->payload.size || encoder->payload.error || encoder->record.error)
		flush(encoder);
	return encoder->out->error;
}

static bool is_full(const struct cs_encoder *encoder)
{
	return encoder->payload.size >= CS_CHUNK_RAW_AIM;
}

void cs_encode_room(struct cs_encoder *encoder)
{
	if (is_full(encoder))
		flush(encoder);
}

void cs_encode_record(struct cs_encoder *encoder, enum cs_trace_record kind)
{
	cs_put_varint(&encoder->payload, kind);
	cs_put_varint(&encoder->payload, encoder->record.size);
	cs_put_bytes(&encoder->payload, encoder->record.data, encoder->record.size);
	encoder->record.size = 0;
}

void cs_encode_fields(struct cs_encoder *encoder, enum cs_trace_record kind,
                      const struct cs_field *fields, const void *from)
{
	cs_encode_room(encoder);
	cs_fields_put(&encoder->record, fields, from);
	cs_encode_record(encoder, kind);
}

/* ---- definitions ---- */

static void put_base(struct cs_encoder *encoder, const struct cs_trace_counts *counts)
{
	struct cs_buffer *record = &encoder->record;

	cs_put_varint(record, counts->processes);
	cs_put_varint(record, counts->threads);
	cs_put_varint(record, counts->modules);
	cs_put_varint(record, counts->frames);
	cs_put_varint(record, counts->nodes);
	cs_put_varint(record, counts->cells);
	if (counts->texts || counts->runtimes || counts->tallies || counts->figures) {
		cs_put_varint(record, counts->texts);
		cs_put_varint(record, counts->runtimes);
		cs_put_varint(record, counts->tallies);
		cs_put_varint(record, counts->figures);
	}
	cs_encode_record(encoder, CS_TRACE_BASE);
}

/* Before each definition: a new chunk says where its numbers start. */
static void next_definition(struct cs_encoder *encoder, const struct cs_trace_counts *counts)
{
	cs_encode_room(encoder);
	if (!encoder->payload.size)
		put_base(encoder, counts);
}

static void put_module(struct cs_encoder *encoder, const struct cs_module *module)
{
	cs_put_text(&encoder->record, module->path);
	cs_put_varint(&encoder->record, module->build_id_bytes);
	cs_put_bytes(&encoder->record, module->build_id, module->build_id_bytes);
	cs_encode_record(encoder, CS_TRACE_MODULE);
}

static void encode_code(struct cs_encoder *encoder, const struct cs_model *model,
                        struct cs_trace_counts *counts)
{
	struct cs_buffer *record = &encoder->record;

	while (counts->modules < cs_model_module_count(model)) {
		next_definition(encoder, counts);
		put_module(encoder, cs_model_module_at(model, ++counts->modules));
	}
	while (counts->frames < cs_model_frame_count(model)) {
		next_definition(encoder, counts);
		const struct cs_frame *frame = cs_model_frame_at(model, ++counts->frames);

		cs_put_varint(record, frame->module);
		cs_put_varint(record, frame->offset);
		cs_encode_record(encoder, CS_TRACE_FRAME);
	}
	while (counts->nodes < cs_model_node_count(model)) {
		next_definition(encoder, counts);
		const struct cs_node *node = cs_model_node_at(model, ++counts->nodes);

		cs_put_varint(record, node->parent);
		cs_put_varint(record, node->frame);
		cs_encode_record(encoder, CS_TRACE_NODE);
	}
}

static void encode_texts(struct cs_encoder *encoder, const struct cs_model *model,
                         struct cs_trace_counts *counts)
{
	while (counts->texts < cs_model_text_count(model)) {
		next_definition(encoder, counts);
		cs_put_text(&encoder->record, cs_model_text_at(model, ++counts->texts));
		cs_encode_record(encoder, CS_TRACE_TEXT);
	}
	while (counts->runtimes < cs_model_runtime_count(model)) {
		next_definition(encoder, counts);
		cs_encode_fields(encoder, CS_TRACE_RUNTIME, cs_runtime_fields,
		                 cs_model_runtime_at(model, ++counts->runtimes));
	}
}

static void encode_tallies(struct cs_encoder *encoder, const struct cs_model *model,
                           struct cs_trace_counts *counts)
{
	while (counts->tallies < cs_model_tally_count(model)) {
		next_definition(encoder, counts);
		cs_encode_fields(encoder, CS_TRACE_TALLY, cs_tally_fields,
		                 cs_model_tally_at(model, ++counts->tallies));
	}
	while (counts->figures < cs_model_figure_count(model)) {
		next_definition(encoder, counts);
		cs_encode_fields(encoder, CS_TRACE_FIGURE, cs_figure_fields,
		                 cs_model_figure_at(model, ++counts->figures));
	}
}

void cs_encode_definitions(struct cs_encoder *encoder, const struct cs_model *model,
                           struct cs_trace_counts *counts)
{
	struct cs_buffer *record = &encoder->record;

	while (counts->processes < cs_model_process_count(model)) {
		next_definition(encoder, counts);
		cs_encode_fields(encoder, CS_TRACE_PROCESS, cs_process_fields,
		                 cs_model_process_at(model, ++counts->processes));
	}
	while (counts->threads < cs_model_thread_count(model)) {
		next_definition(encoder, counts);
		cs_encode_fields(encoder, CS_TRACE_THREAD, cs_thread_fields,
		                 cs_model_thread_at(model, ++counts->threads));
	}
	encode_code(encoder, model, counts);
	encode_texts(encoder, model, counts);
	while (counts->cells < cs_model_cell_count(model)) {
		next_definition(encoder, counts);
		const struct cs_cell *cell = cs_model_cell_at(model, ++counts->cells);

		cs_put_varint(record, cell->process);
		cs_put_varint(record, cell->thread);
		cs_put_varint(record, cell->node);
		cs_put_varint(record, cell->spawn);
		cs_encode_record(encoder, CS_TRACE_CELL);
	}
	encode_tallies(encoder, model, counts);
}

/* ---- states ---- */

void cs_encode_process(struct cs_encoder *encoder, const struct cs_model *model, uint32_t id)
{
	const struct cs_process *process = cs_model_process_at(model, id);

	cs_encode_room(encoder);
	cs_put_varint(&encoder->record, id);
	cs_fields_put(&encoder->record, cs_process_state_fields, process);
	cs_encode_record(encoder, CS_TRACE_PROCESS_STATE);
	if (!process->memory)
		return;
	cs_put_varint(&encoder->record, id);
	cs_fields_put(&encoder->record, cs_memory_fields, process->memory);
	cs_encode_record(encoder, CS_TRACE_MEMORY);
}

void cs_encode_thread(struct cs_encoder *encoder, const struct cs_model *model, uint32_t id)
{
	cs_encode_room(encoder);
	cs_put_varint(&encoder->record, id);
	cs_fields_put(&encoder->record, cs_thread_state_fields, cs_model_thread_at(model, id));
	cs_encode_record(encoder, CS_TRACE_THREAD_STATE);
}

/* Exact cells: whole objects, each recorded, no variance. */
static unsigned sum_flags(const struct cs_process *process, const struct cs_cell *cell)
{
	const struct cs_heap_sum *sum = &cell->sum;
	uint64_t inuse = sum->alloc_objects - sum->free_objects;
	bool peak = cell->peak_epoch == process->peak_epoch;
	uint64_t bits = sum->alloc_objects | sum->free_objects | sum->temporary_objects;
	unsigned flags = 0;

	if (peak)
		bits |= cell->peak_objects;
	if (bits % CS_OBJECT)
		flags |= CS_SUM_FRACTIONS | CS_SUM_SAMPLES;
	if (sum->samples != sum->alloc_objects / CS_OBJECT ||
	    sum->live_samples != inuse / CS_OBJECT ||
	    (peak && cell->peak_samples != cell->peak_objects / CS_OBJECT))
		flags |= CS_SUM_SAMPLES;
	if (sum->alloc_bytes_var > 0 || sum->alloc_objects_var > 0)
		flags |= CS_SUM_VARIANCES;
	if (peak)
		flags |= CS_SUM_PEAK;
	if (peak && (cell->peak_bytes_var > 0 || cell->peak_objects_var > 0))
		flags |= CS_SUM_PEAK_VARIANCES;
	return flags;
}

static void put_peak(struct cs_buffer *record, const struct cs_cell *cell, unsigned flags)
{
	cs_put_varint(record, cell->peak_bytes);
	cs_put_varint(record, flags & CS_SUM_FRACTIONS ? cell->peak_objects
	                                               : cell->peak_objects / CS_OBJECT);
	if (flags & CS_SUM_SAMPLES)
		cs_put_varint(record, cell->peak_samples);
	if (flags & CS_SUM_PEAK_VARIANCES) {
		cs_put_double(record, cell->peak_bytes_var);
		cs_put_double(record, cell->peak_objects_var);
	}
}

void cs_encode_cell(struct cs_encoder *encoder, const struct cs_model *model, uint32_t id)
{
	const struct cs_cell *cell = cs_model_cell_at(model, id);
	const struct cs_heap_sum *sum = &cell->sum;
	struct cs_buffer *record = &encoder->record;
	unsigned flags = sum_flags(cs_model_process_at(model, cell->process), cell);
	uint64_t unit = flags & CS_SUM_FRACTIONS ? 1 : CS_OBJECT;

	cs_encode_room(encoder);
	cs_put_signed(record, (int64_t)id - (int64_t)encoder->last_cell);
	encoder->last_cell = id;
	cs_put_varint(record, flags);
	cs_put_varint(record, sum->alloc_bytes);
	cs_put_varint(record, sum->alloc_objects / unit);
	cs_put_varint(record, sum->alloc_bytes - sum->free_bytes);
	cs_put_varint(record, (sum->alloc_objects - sum->free_objects) / unit);
	cs_put_varint(record, sum->temporary_objects / unit);
	if (flags & CS_SUM_SAMPLES) {
		cs_put_varint(record, sum->samples);
		cs_put_varint(record, sum->live_samples);
	}
	if (flags & CS_SUM_VARIANCES) {
		cs_put_double(record, sum->alloc_bytes_var);
		cs_put_double(record, sum->alloc_objects_var);
		cs_put_double(record, sum->free_bytes_var);
		cs_put_double(record, sum->free_objects_var);
	}
	if (flags & CS_SUM_PEAK)
		put_peak(record, cell, flags);
	cs_encode_record(encoder, CS_TRACE_CELL_SUM);
}

/* ---- names ---- */

/* Pointers of texts that are in this chunk, with their numbers: symbols share their texts. */
struct known_texts {
	const char **texts;
	size_t room; /* a power of two */
	size_t count;
	uint32_t *numbers;
};

static void forget_texts(struct known_texts *known)
{
	if (known->texts)
		memset(known->texts, 0, known->room * sizeof(*known->texts));
	known->count = 0;
}

static size_t text_place(const struct known_texts *known, const char *text)
{
	size_t at = ((uintptr_t)text * UINT64_C(0x9e3779b97f4a7c15)) >> 32;

	for (at &= known->room - 1; known->texts[at] && known->texts[at] != text;)
		at = (at + 1) & (known->room - 1);
	return at;
}

static int grow_texts(struct known_texts *known)
{
	struct known_texts more = {.room = known->room ? known->room * 2 : 1024};

	more.texts = calloc(more.room, sizeof(*more.texts));
	more.numbers = calloc(more.room, sizeof(*more.numbers));
	if (!more.texts || !more.numbers) {
		free(more.texts);
		free(more.numbers);
		return -ENOMEM;
	}
	for (size_t i = 0; i < known->room; i++) {
		if (known->texts[i]) {
			size_t at = text_place(&more, known->texts[i]);

			more.texts[at] = known->texts[i];
			more.numbers[at] = known->numbers[i];
		}
	}
	more.count = known->count;
	free(known->texts);
	free(known->numbers);
	*known = more;
	return 0;
}

/* The number of TEXT in this chunk; writes it first if it is new. 0: none. */
static uint32_t text_number(struct cs_encoder *encoder, struct known_texts *known, const char *text)
{
	size_t at;

	if (!text)
		return 0;
	if (known->count * 2 >= known->room && grow_texts(known)) {
		encoder->record.error = -ENOMEM;
		return 0;
	}
	at = text_place(known, text);
	if (!known->texts[at]) {
		cs_put_text(&encoder->record, text);
		cs_encode_record(encoder, CS_TRACE_STRING);
		known->texts[at] = text;
		known->numbers[at] = ++encoder->strings;
		known->count++;
	}
	return known->numbers[at];
}

static void encode_names(struct cs_encoder *encoder, struct known_texts *known, uint32_t frame,
                         const struct cs_name *names, uint32_t count)
{
	struct cs_buffer *record = &encoder->record;

	if (is_full(encoder)) {
		flush(encoder);
		forget_texts(known);
	}
	/* Texts are records of their own: all of them come before the record that uses them. */
	for (uint32_t i = 0; i < count; i++) {
		text_number(encoder, known, names[i].function);
		text_number(encoder, known, names[i].file);
	}
	cs_put_varint(record, frame);
	cs_put_varint(record, count);
	for (uint32_t i = 0; i < count; i++) {
		cs_put_varint(record, text_number(encoder, known, names[i].function));
		cs_put_varint(record, text_number(encoder, known, names[i].file));
		cs_put_varint(record, names[i].line);
		cs_put_varint(record, names[i].inlined);
	}
	cs_encode_record(encoder, CS_TRACE_NAMES);
}

void cs_encode_symbols(struct cs_encoder *encoder, const struct cs_model *model,
                       const struct cs_symbols *symbols)
{
	struct known_texts known = {0};

	for (uint32_t frame = 1; frame <= cs_model_frame_count(model); frame++) {
		const struct cs_name *names;
		uint32_t count = cs_symbols_get(symbols, frame, &names);

		if (count)
			encode_names(encoder, &known, frame, names, count);
	}
	free(known.texts);
	free(known.numbers);
}
