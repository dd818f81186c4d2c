/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap by size of objects, from the runtime's spans: what can be told of a program that
 * keeps no profile. The model gets one made-up frame for each size.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "go/observation.h"
#include "model/tally.h"

#define SPANS_MAX (UINT64_C(1) << 26)
#define CHUNK 256u
#define BITS_BYTES_MAX 128u /* of a span of at most 1024 objects */
#define CLASSES 256u        /* sizes and "without pointers" */
#define STATE_IN_USE 1u

struct span_class {
	uint64_t objects, bytes, size;
};

struct chunk {
	uint64_t addresses[CHUNK];
	unsigned char spans[CHUNK][CS_GO_SPAN_BYTES];
	unsigned char bits[CHUNK][BITS_BYTES_MAX];
	struct cs_go_piece pieces[CHUNK];
	struct span_class classes[CLASSES];
};

static uint64_t elements_of(const struct cs_go_layout *layout, const unsigned char *span)
{
	/* 64 bits wide up to 1.21. */
	return layout->span_elements % 8 ? cs_go_u32(span, layout->span_elements) & 0xffff
	                                 : cs_go_u64(span, layout->span_elements);
}

/* Objects below freeindex are in use, above it those whose bit is set. */
static uint64_t count_objects(const struct cs_go_layout *layout, const unsigned char *span,
                              const unsigned char *bits)
{
	uint64_t elements = elements_of(layout, span);
	uint64_t first = layout->span_elements % 8
	                         ? cs_go_u32(span, layout->span_free_index) & 0xffff
	                         : cs_go_u64(span, layout->span_free_index);
	uint64_t count = first < elements ? first : elements;

	for (uint64_t i = count; i < elements && i / 8 < BITS_BYTES_MAX; i++)
		count += bits[i / 8] >> (i % 8) & 1;
	return count;
}

static void add_span(const struct cs_go_layout *layout, struct chunk *chunk, uint32_t i)
{
	const unsigned char *span = chunk->spans[i];
	struct span_class *entry = &chunk->classes[span[layout->span_class]];
	uint64_t size = cs_go_u64(span, layout->span_element_bytes);
	uint64_t elements = elements_of(layout, span);

	if (span[layout->span_state] != STATE_IN_USE || !elements || elements > 65535 ||
	    size > (UINT64_C(1) << 44))
		return;
	uint64_t objects = count_objects(layout, span, chunk->bits[i]);

	entry->objects += objects;
	entry->bytes += objects * size;
	entry->size = size;
}

static int read_chunk(struct cs_go *go, struct chunk *chunk, uint64_t array, uint32_t count)
{
	const struct cs_go_layout *layout = &go->layout;
	int error = cs_go_read(&go->memory, array, chunk->addresses, (size_t)count * 8);

	for (uint32_t i = 0; i < count; i++)
		chunk->pieces[i] = (struct cs_go_piece){chunk->addresses[i], chunk->spans[i],
		                                        CS_GO_SPAN_BYTES, false};
	memset(chunk->spans, 0, sizeof(chunk->spans));
	memset(chunk->bits, 0, sizeof(chunk->bits));
	error = error ? error : cs_go_read_pieces(&go->memory, chunk->pieces, count);
	for (uint32_t i = 0; i < count && !error; i++) {
		uint64_t bytes = (elements_of(layout, chunk->spans[i]) + 7) / 8;

		chunk->pieces[i] = (struct cs_go_piece){
			cs_go_u64(chunk->spans[i], layout->span_bits), chunk->bits[i],
			bytes <= BITS_BYTES_MAX ? bytes : 0, false};
	}
	error = error ? error : cs_go_read_pieces(&go->memory, chunk->pieces, count);
	for (uint32_t i = 0; i < count && !error; i++)
		add_span(layout, chunk, i);
	return error;
}

/* A frame whose name says what it stands for. */
static uint32_t node_of(struct cs_observation *observation, uint32_t module, uint32_t class,
                        const struct span_class *entry)
{
	uint32_t frame = cs_model_frame(observation->model, module, (uint64_t) class + 1);
	const struct cs_name *have;
	char text[64];
	struct cs_name name = {.function = text};

	if (class <= 1)
		snprintf(text, sizeof(text), "objects larger than 32 KiB%s",
		         class & 1 ? ", without pointers" : "");
	else
		snprintf(text, sizeof(text), "objects of %llu bytes%s",
		         (unsigned long long)entry->size, class & 1 ? ", without pointers" : "");
	if (frame && observation->names.symbols &&
	    !cs_symbols_get(observation->names.symbols, frame, &have))
		cs_symbols_set(observation->names.symbols, frame, &name, 1);
	return frame ? cs_model_node(observation->model, 0, frame) : 0;
}

static void tell(struct cs_observation *observation, const struct chunk *chunk)
{
	uint32_t module = cs_model_module(observation->model, "[go heap]", NULL, 0);

	for (uint32_t class = 0; module && class < CLASSES; class ++) {
		const struct span_class *entry = &chunk->classes[class];
		struct cs_heap_sum sum = {
			.alloc_objects = entry->objects * CS_OBJECT,
			.alloc_bytes = entry->bytes,
			.samples = entry->objects,
			.live_samples = entry->objects,
		};

		if (!entry->size)
			continue;
		uint32_t node = node_of(observation, module, class, entry);
		uint32_t cell =
			node ? cs_model_cell(observation->model, observation->process, 0, node) : 0;

		if (cell)
			cs_model_heap_set(observation->model, cell, &sum);
	}
}

int cs_go_spans_tell(struct cs_observation *observation)
{
	struct cs_go *go = observation->go;
	struct cs_process *process = cs_model_process_at(observation->model, observation->process);
	struct chunk *chunk;
	uint64_t slice[3];
	int error = 0;

	if (!go->variables.sweepgen ||
	    cs_go_read(&go->memory, go->variables.sweepgen + 8, slice, sizeof(slice)) ||
	    slice[1] > SPANS_MAX)
		return -ENOENT;
	chunk = calloc(1, sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	for (uint64_t i = 0; i < slice[1] && !error; i += CHUNK)
		error = read_chunk(go, chunk, slice[0] + i * 8,
		                   slice[1] - i < CHUNK ? (uint32_t)(slice[1] - i) : CHUNK);
	if (!error)
		tell(observation, chunk);
	if (!error && process && process->heap_mean_bytes != 1) {
		process->heap_mean_bytes = 1; /* every object is counted */
		cs_model_process_changed(observation->model, observation->process);
	}
	free(chunk);
	return error;
}
