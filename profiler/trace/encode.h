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
};

struct cs_encoder {
	struct cs_chunk_writer *out;
	struct cs_chunk_header head; /* of the chunk that is being filled */
	struct cs_buffer payload;
	struct cs_buffer record;
	uint32_t last_cell; /* CELL_SUM: ids are differences within a chunk */
	uint32_t strings;   /* SYMBOLS: texts in this chunk so far */
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
void cs_encode_symbols(struct cs_encoder *encoder, const struct cs_model *model,
                       const struct cs_symbols *symbols);

#endif
