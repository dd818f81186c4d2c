/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of an opened trace; shared by the files that read, nobody else includes it.
 */
#ifndef CS_TRACE_READER_H
#define CS_TRACE_READER_H

#include "trace/chunk.h"
#include "trace/trace.h"

struct cs_known_chunk {
	struct cs_trace_chunk chunk; /* first */
	struct cs_chunk_header head; /* by index: without checksums until it is read */
	bool told;                   /* its damage is in the warning */
};

struct cs_trace {
	char *name;
	struct cs_chunk_reader file;
	const struct cs_pace *pace;
	bool growing;
	bool has_summary;
	bool has_symbols;
	struct cs_trace_session session;
	struct cs_trace_summary summary;
	uint64_t duration_ns;
	uint64_t lost_bytes; /* skipped, or in damaged chunks: what may hold definitions */
	struct cs_known_chunk *chunks;
	size_t chunk_count, chunk_room;
	struct cs_trace_loss *losses;
	size_t loss_count, loss_room;
	unsigned warnings; /* those that the text has no room for are counted */
	char warning[1024];
};

/* Adds a sentence to the warning. */
void cs_trace_warn(struct cs_trace *trace, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Finds the chunks, by the index or, without one, by going through the file. 0 or -errno. */
int cs_trace_find_chunks(struct cs_trace *trace);

/* Adds the chunks that stand behind the last known one. 0 or -errno. */
int cs_trace_find_more(struct cs_trace *trace);

/* The payload of chunk INDEX; it holds until the next call. NULL: damaged, a warning says so. */
const struct cs_buffer *cs_trace_payload(struct cs_trace *trace, size_t index);
/* A chunk is whole but some of its records make no sense. */
void cs_trace_warn_records(struct cs_trace *trace, size_t index, uint32_t records);

#endif
