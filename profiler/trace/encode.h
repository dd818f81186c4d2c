/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model as records. An encoder collects records of one kind of chunk and hands each
 * chunk's worth of them to the chunk writer.
 */
#ifndef CS_TRACE_ENCODE_H
#define CS_TRACE_ENCODE_H

#include "model/symbols.h"
#include "trace/chunk.h"
#include "trace/fields.h"
#include "trace/trace.h"

/* How many definitions of each kind a trace holds. */
struct cs_trace_counts {
	uint32_t processes, threads, modules, frames, nodes, cells;
	uint32_t texts, runtimes, tallies, figures;
};

struct cs_encoder {
	struct cs_chunk_writer *out;
	struct cs_chunk_header head; /* of the chunk that is being filled */
	struct cs_buffer payload;
	struct cs_buffer record;
	uint32_t last_cell; /* CELL_SUM: ids are differences within a chunk */
	uint32_t last_slot; /* COROUTINE…: likewise */
	uint32_t last_tally;
	uint64_t last_event_ns;
	uint32_t strings; /* SYMBOLS: texts in this chunk so far */
};

/* By slot: a hash of what COROUTINE records last said of it; 0: nobody is in it. */
struct cs_known_slots {
	uint32_t *hashes;
	size_t room;
};

void cs_encoder_free(struct cs_encoder *encoder);

void cs_encode_begin(struct cs_encoder *encoder, enum cs_chunk_kind kind, uint64_t from_ns,
                     uint64_t to_ns);
/* Writes what is left as the last chunk of its kind; nothing if there is nothing. */
int cs_encode_end(struct cs_encoder *encoder);

void cs_encode_fields(struct cs_encoder *encoder, enum cs_trace_record kind,
                      const struct cs_field *fields, const void *from);
/* Everything that MODEL defines beyond *COUNTS, which follow. */
void cs_encode_definitions(struct cs_encoder *encoder, const struct cs_model *model,
                           struct cs_trace_counts *counts);
void cs_encode_process(struct cs_encoder *encoder, const struct cs_model *model, uint32_t id);
void cs_encode_thread(struct cs_encoder *encoder, const struct cs_model *model, uint32_t id);
void cs_encode_cell(struct cs_encoder *encoder, const struct cs_model *model, uint32_t id);
/* The coroutine in slot ID, or that it is gone; with ALL also what has not changed. */
void cs_encode_coroutine(struct cs_encoder *encoder, struct cs_known_slots *slots,
                         const struct cs_model *model, uint32_t id, bool all);
void cs_encode_tally(struct cs_encoder *encoder, const struct cs_model *model, uint32_t id);
void cs_encode_figure(struct cs_encoder *encoder, const struct cs_model *model, uint32_t id);
void cs_encode_event(struct cs_encoder *encoder, const struct cs_trace_event *event);

/* For the files that encode: writes out a full chunk; the fields are in encoder->record. */
void cs_encode_room(struct cs_encoder *encoder);
void cs_encode_record(struct cs_encoder *encoder, enum cs_trace_record kind);

void cs_encode_symbols(struct cs_encoder *encoder, const struct cs_model *model,
                       const struct cs_symbols *symbols);

#endif
