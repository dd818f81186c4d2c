/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks: the unit that is written, checked, lost and skipped. This is the one place that
 * compresses; above it are records, below it is the file.
 */
#ifndef CS_TRACE_CHUNK_H
#define CS_TRACE_CHUNK_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/pace.h"
#include "trace/format.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

/* ---- appending ---- */

struct cs_chunk_writer {
	int fd;
	int error;       /* the first one; nothing is written after it */
	uint64_t offset; /* end of the last good chunk */
	uint32_t number; /* of the next chunk */
	struct ZSTD_CCtx_s *zstd;
	struct cs_buffer stored;
	struct cs_buffer index; /* CHUNK records of all chunks so far */
	uint64_t last_index_offset;
	/* Asked before each chunk, and may change the file; NULL: it may grow. */
	int (*make_room)(void *context, uint64_t bytes);
	void *context;
};

/* Continues FD behind OFFSET. 0 or -ENOMEM. */
int cs_chunk_writer_init(struct cs_chunk_writer *writer, int fd, uint64_t offset, uint32_t number);
/* Frees what it holds; FD stays open. */
void cs_chunk_writer_free(struct cs_chunk_writer *writer);

/* Bytes as they are, then `offset` behind them. After a failure the file is cut back. */
int cs_chunk_writer_raw(struct cs_chunk_writer *writer, const void *bytes, size_t size);
/* HEAD needs kind, flags and times; the rest is filled in. */
int cs_chunk_write(struct cs_chunk_writer *writer, struct cs_chunk_header head,
                   const struct cs_buffer *payload);
/* A chunk of another file as it is stored there, under the next number of this one. */
int cs_chunk_copy(struct cs_chunk_writer *writer, struct cs_chunk_header head, const void *stored);
/* The index of everything so far, and the tail. */
int cs_chunk_write_index(struct cs_chunk_writer *writer);
/* Adds a chunk that another writer wrote to the index. */
void cs_chunk_index_add(struct cs_chunk_writer *writer, uint64_t offset,
                        const struct cs_chunk_header *head);

/* ---- reading ---- */

struct cs_chunk_reader {
	int fd;
	uint64_t size;              /* of the file when it was opened */
	const struct cs_pace *pace; /* of large chunks; NULL: without rests */
	struct ZSTD_DCtx_s *zstd;
	struct cs_buffer stored;
	struct cs_buffer raw;
};

int cs_chunk_reader_init(struct cs_chunk_reader *reader, int fd, uint64_t size);
void cs_chunk_reader_free(struct cs_chunk_reader *reader);

/* SIZE bytes at OFFSET. 0 or -errno; -ENODATA: the file ends before. */
int cs_chunk_reader_at(const struct cs_chunk_reader *reader, uint64_t offset, void *bytes,
                       size_t size);
/* Whether HEAD is a chunk's header that is whole. */
bool cs_chunk_is_header(const struct cs_chunk_header *head);
/*
 * The payload of the chunk at OFFSET whose header is HEAD; it holds until the next call.
 * NULL: *WHY is "checksum", "cut short", "compression" or what the system said.
 */
const struct cs_buffer *cs_chunk_read(struct cs_chunk_reader *reader, uint64_t offset,
                                      const struct cs_chunk_header *head, const char **why);

#endif
