/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as changes of a model. What a record says is checked, a record that makes no sense
 * is passed over and counted.
 */
#ifndef CS_TRACE_DECODE_H
#define CS_TRACE_DECODE_H

#include "base/index.h"
#include "base/pace.h"
#include "model/model.h"
#include "model/symbols.h"
#include "trace/chunk.h"
#include "trace/trace.h"

/* Where in the model the coroutine of a slot of the file is: slots of a model have no holes. */
struct cs_slot_map {
	struct cs_index index;
	uint32_t *slot_of; /* by the model's id; 0: none */
	size_t room;
};

struct cs_decoder {
	struct cs_model *model;
	struct cs_symbols *symbols; /* NULL: names are passed over */
	uint64_t lost_bytes;        /* of the file: how many definitions may be missing */
	uint32_t lost_frame;        /* id of a frame that says "lost", 0 not seen yet */
	uint32_t last_cell, last_slot, last_tally;
	struct cs_slot_map slots;
	const struct cs_pace *pace; /* NULL: without rests */
	uint64_t only;              /* 1 << kind of the records that are wanted; 0: all */
	uint32_t bad_records;       /* in this chunk */
	char **strings;             /* of this chunk, from 1 */
	size_t string_count, string_room;
};

void cs_decoder_free(struct cs_decoder *decoder);

/* Takes one record off PAYLOAD. False: there is no further one; PAYLOAD->failed tells why. */
bool cs_record_next(struct cs_cursor *payload, uint64_t *kind, struct cs_cursor *fields);

/* Applies one chunk. 0 (see bad_records), -ENOMEM, -EINVAL: definitions are missing, or what a
 * rest gave: the rest of it is not applied. */
int cs_decode_chunk(struct cs_decoder *decoder, const struct cs_buffer *payload);

/* Of decode_coroutine.c. Each gives 0, -EINVAL: no sense in it, or -ENOMEM. */
typedef int cs_decode_record(struct cs_decoder *decoder, struct cs_cursor *fields);
cs_decode_record cs_decode_coroutine, cs_decode_coroutine_state, cs_decode_coroutine_heap,
	cs_decode_coroutine_gone, cs_decode_tally_sum, cs_decode_figure_value, cs_decode_text,
	cs_decode_runtime, cs_decode_tally, cs_decode_figure;
/* The model's id of the coroutine in SLOT of the file; 0: none. */
uint32_t cs_decode_slot(const struct cs_decoder *decoder, uint32_t slot);
/* Nobody is in any slot. */
void cs_decode_forget_coroutines(struct cs_decoder *decoder);
/* An EVENT; LAST_NS is the time of the one before it. */
bool cs_decode_event(struct cs_cursor *fields, uint64_t *last_ns, struct cs_trace_event *event);

/* The fields of a CELL_SUM record; LAST is the id of the chunk's one before. */
bool cs_decode_sum(struct cs_cursor *fields, uint32_t *last, struct cs_cell *cell, bool *peak);

#endif
