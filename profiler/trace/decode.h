/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as changes of a model. What a record says is checked, a record that makes no sense
 * is passed over and counted.
 */
#ifndef CS_TRACE_DECODE_H
#define CS_TRACE_DECODE_H

#include "model/model.h"
#include "model/symbols.h"
#include "trace/chunk.h"

struct cs_decoder {
	struct cs_model *model;
	struct cs_symbols *symbols; /* NULL: names are passed over */
	uint64_t lost_bytes;        /* of the file: how many definitions may be missing */
	uint32_t lost_frame;        /* id of a frame that says "lost", 0 not seen yet */
	uint32_t last_cell;
	uint32_t bad_records; /* in this chunk */
	char **strings;       /* of this chunk, from 1 */
	size_t string_count, string_room;
};

void cs_decoder_free(struct cs_decoder *decoder);

/* Takes one record off PAYLOAD. False: there is no further one; PAYLOAD->failed tells why. */
bool cs_record_next(struct cs_cursor *payload, uint64_t *kind, struct cs_cursor *fields);

/* Applies one chunk. 0 (see bad_records), -ENOMEM, or -EINVAL: definitions are missing. */
int cs_decode_chunk(struct cs_decoder *decoder, const struct cs_buffer *payload);

/* The fields of a CELL_SUM record; LAST is the id of the chunk's one before. */
bool cs_decode_sum(struct cs_cursor *fields, uint32_t *last, struct cs_cell *cell, bool *peak);

#endif
