/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant of the writer: the file is whole up to `offset`. A chunk that could not be
 * written completely is cut off again, so a full disk costs the end and nothing else.
 */
#include "trace/chunk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zstd.h>

#include "base/checksum.h"

/* The recorder must keep up; names are written once, at the end, and shrink well. */
#define LEVEL_FAST 1
#define LEVEL_SMALL 6
/* Of a large chunk, what is decompressed between two rests. */
#define STRETCH_BYTES ((size_t)1 << 20)

int cs_chunk_writer_init(struct cs_chunk_writer *writer, int fd, uint64_t offset, uint32_t number)
{
	memset(writer, 0, sizeof(*writer));
	writer->fd = fd;
	writer->offset = offset;
	writer->number = number;
	writer->zstd = ZSTD_createCCtx();
	return writer->zstd ? 0 : -ENOMEM;
}

void cs_chunk_writer_free(struct cs_chunk_writer *writer)
{
	ZSTD_freeCCtx(writer->zstd);
	cs_buffer_free(&writer->stored);
	cs_buffer_free(&writer->index);
}

/* All of PARTS at OFFSET, in one call unless the system takes less at a time. */
static int write_all(int fd, uint64_t offset, struct iovec *parts, int count)
{
	while (count > 0) {
		ssize_t done = pwritev(fd, parts, count, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -ENOSPC;
		offset += (uint64_t)done;
		while (count > 0 && (size_t)done >= parts->iov_len) {
			done -= (ssize_t)parts->iov_len;
			parts++;
			count--;
		}
		if (count > 0) {
			parts->iov_base = (char *)parts->iov_base + done;
			parts->iov_len -= (size_t)done;
		}
	}
	return 0;
}

static int append(struct cs_chunk_writer *writer, struct iovec *parts, int count)
{
	uint64_t size = 0;

	if (writer->error)
		return writer->error;
	for (int i = 0; i < count; i++)
		size += parts[i].iov_len;
	writer->error = write_all(writer->fd, writer->offset, parts, count);
	if (writer->error) {
		/* If even that fails, a reader still stops at the last whole chunk. */
		if (ftruncate(writer->fd, (off_t)writer->offset))
			return writer->error;
		return writer->error;
	}
	writer->offset += size;
	return 0;
}

int cs_chunk_writer_raw(struct cs_chunk_writer *writer, const void *bytes, size_t size)
{
	struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};

	return append(writer, &part, 1);
}

/* Compresses into writer->stored. False: it would not get smaller, or there is no memory. */
static bool compress(struct cs_chunk_writer *writer, const struct cs_buffer *payload, int level)
{
	struct cs_buffer *stored = &writer->stored;
	size_t size;

	cs_buffer_clear(stored);
	if (cs_buffer_reserve(stored, ZSTD_compressBound(payload->size)))
		return false;
	size = ZSTD_compressCCtx(writer->zstd, stored->data, stored->room, payload->data,
	                         payload->size, level);
	if (ZSTD_isError(size) || size >= payload->size)
		return false;
	stored->size = size;
	return true;
}

void cs_chunk_index_add(struct cs_chunk_writer *writer, uint64_t offset,
                        const struct cs_chunk_header *head)
{
	struct cs_buffer fields = {0};

	cs_put_varint(&fields, head->kind);
	cs_put_varint(&fields, head->flags);
	cs_put_varint(&fields, head->number);
	cs_put_varint(&fields, offset - writer->last_index_offset);
	cs_put_varint(&fields, head->stored_bytes);
	cs_put_varint(&fields, head->raw_bytes);
	cs_put_varint(&fields, head->from_ns);
	cs_put_varint(&fields, head->to_ns - head->from_ns);
	cs_put_varint(&writer->index, CS_TRACE_CHUNK);
	cs_put_varint(&writer->index, fields.size);
	cs_put_bytes(&writer->index, fields.data, fields.size);
	if (fields.error)
		writer->index.error = fields.error;
	writer->last_index_offset = offset;
	cs_buffer_free(&fields);
}

int cs_chunk_copy(struct cs_chunk_writer *writer, struct cs_chunk_header head, const void *stored)
{
	uint64_t offset = writer->offset;
	int error;

	head.number = writer->number;
	head.header_crc = cs_crc32c(0, &head, offsetof(struct cs_chunk_header, header_crc));
	struct iovec parts[] = {
		{.iov_base = &head, .iov_len = sizeof(head)},
		{.iov_base = (void *)(uintptr_t)stored, .iov_len = head.stored_bytes},
	};

	error = append(writer, parts, 2);
	if (error)
		return error;
	cs_chunk_index_add(writer, offset, &head);
	writer->number++;
	return 0;
}

int cs_chunk_write(struct cs_chunk_writer *writer, struct cs_chunk_header head,
                   const struct cs_buffer *payload)
{
	bool small = head.kind == CS_CHUNK_SYMBOLS;
	const struct cs_buffer *stored = payload;

	if (payload->error || payload->size > CS_CHUNK_RAW_MAX)
		return writer->error = payload->error ? payload->error : -EFBIG;
	if (compress(writer, payload, small ? LEVEL_SMALL : LEVEL_FAST)) {
		stored = &writer->stored;
		head.flags |= CS_CHUNK_ZSTD;
	}
	if (writer->make_room && !writer->error)
		writer->error = writer->make_room(writer->context, sizeof(head) + stored->size);
	head.magic = CS_CHUNK_MAGIC;
	head.stored_bytes = (uint32_t)stored->size;
	head.raw_bytes = (uint32_t)payload->size;
	head.payload_crc = cs_crc32c(0, stored->data, stored->size);
	head.reserved = 0;
	return cs_chunk_copy(writer, head, stored->data);
}

int cs_chunk_write_index(struct cs_chunk_writer *writer)
{
	struct cs_file_tail tail;
	struct cs_chunk_header head = {.kind = CS_CHUNK_INDEX};
	uint64_t before;
	int error = 0;

	/* Longer than a chunk may be, or no memory: readers find the chunks without it. */
	if (writer->index.error || writer->index.size > CS_CHUNK_RAW_MAX)
		return 0;
	/* Before it is read: whoever makes room changes it. */
	if (writer->make_room)
		error = writer->make_room(writer->context,
		                          sizeof(head) + writer->index.size + sizeof(tail));
	if (error)
		return error;
	before = tail.index_offset = writer->offset;
	memcpy(tail.magic, CS_TRACE_TAIL_MAGIC, sizeof(tail.magic));
	error = cs_chunk_write(writer, head, &writer->index);
	if (!error)
		error = cs_chunk_writer_raw(writer, &tail, sizeof(tail));
	if (error && writer->offset != before && ftruncate(writer->fd, (off_t)before) == 0)
		writer->offset = before;
	return error;
}

/* ---- reading ---- */

int cs_chunk_reader_init(struct cs_chunk_reader *reader, int fd, uint64_t size)
{
	memset(reader, 0, sizeof(*reader));
	reader->fd = fd;
	reader->size = size;
	reader->zstd = ZSTD_createDCtx();
	return reader->zstd ? 0 : -ENOMEM;
}

void cs_chunk_reader_free(struct cs_chunk_reader *reader)
{
	ZSTD_freeDCtx(reader->zstd);
	cs_buffer_free(&reader->stored);
	cs_buffer_free(&reader->raw);
}

int cs_chunk_reader_at(const struct cs_chunk_reader *reader, uint64_t offset, void *bytes,
                       size_t size)
{
	char *at = bytes;

	if (offset > reader->size || size > reader->size - offset)
		return -ENODATA;
	while (size > 0) {
		ssize_t done = pread(reader->fd, at, size, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) /* 0: it was cut since it was opened */
			return done < 0 ? -errno : -ENODATA;
		at += done;
		offset += (uint64_t)done;
		size -= (size_t)done;
	}
	return 0;
}

bool cs_chunk_is_header(const struct cs_chunk_header *head)
{
	bool packed = head->flags & CS_CHUNK_ZSTD;

	return head->magic == CS_CHUNK_MAGIC && head->raw_bytes <= CS_CHUNK_RAW_MAX &&
	       head->stored_bytes <= CS_CHUNK_STORED_MAX && head->from_ns <= head->to_ns &&
	       (packed || head->stored_bytes == head->raw_bytes) &&
	       head->header_crc == cs_crc32c(0, head, offsetof(struct cs_chunk_header, header_crc));
}

/* Room for SIZE bytes in a buffer whose contents are of no more use. */
static int make_room(struct cs_buffer *buffer, size_t size)
{
	cs_buffer_clear(buffer);
	if (cs_buffer_reserve(buffer, size ? size : 1))
		return -ENOMEM;
	buffer->size = size;
	return 0;
}

/*
 * In stretches. That somebody wants it to end is not heard here: who reads the chunk asks again.
 */
static bool decompress_slowly(struct cs_chunk_reader *reader)
{
	ZSTD_inBuffer from = {reader->stored.data, reader->stored.size, 0};
	ZSTD_outBuffer to = {reader->raw.data, 0, 0};
	size_t left = 1;

	ZSTD_DCtx_reset(reader->zstd, ZSTD_reset_session_only);
	while (to.pos < reader->raw.size) {
		size_t before = to.pos;

		to.size = reader->raw.size - to.pos < STRETCH_BYTES ? reader->raw.size
		                                                    : to.pos + STRETCH_BYTES;
		left = ZSTD_decompressStream(reader->zstd, &to, &from);
		if (ZSTD_isError(left) || to.pos == before)
			return false;
		(void)cs_pace_rest(reader->pace);
	}
	if (left && !ZSTD_isError(left)) /* the end of the frame may come without a byte */
		left = ZSTD_decompressStream(reader->zstd, &to, &from);
	return left == 0 && from.pos == from.size;
}

static bool decompress(struct cs_chunk_reader *reader, const struct cs_chunk_header *head)
{
	struct cs_buffer *stored = &reader->stored;
	unsigned long long told = ZSTD_getFrameContentSize(stored->data, stored->size);

	/* Asked before memory is taken: a lying header must not cost any. */
	if (told != head->raw_bytes || make_room(&reader->raw, head->raw_bytes))
		return false;
	if (reader->pace && head->raw_bytes > STRETCH_BYTES)
		return decompress_slowly(reader);
	return ZSTD_decompressDCtx(reader->zstd, reader->raw.data, reader->raw.size, stored->data,
	                           stored->size) == head->raw_bytes;
}

const struct cs_buffer *cs_chunk_read(struct cs_chunk_reader *reader, uint64_t offset,
                                      const struct cs_chunk_header *head, const char **why)
{
	uint64_t data = offset + sizeof(*head);
	int error;

	*why = "cut short";
	if (data > reader->size || head->stored_bytes > reader->size - data)
		return NULL;
	*why = "no memory";
	if (make_room(&reader->stored, head->stored_bytes))
		return NULL;
	error = cs_chunk_reader_at(reader, data, reader->stored.data, reader->stored.size);
	*why = error == -ENODATA ? "cut short" : "not readable";
	if (error)
		return NULL;
	*why = "checksum";
	if (cs_crc32c(0, reader->stored.data, reader->stored.size) != head->payload_crc)
		return NULL;
	if (!(head->flags & CS_CHUNK_ZSTD))
		return &reader->stored;
	*why = "compression";
	return decompress(reader, head) ? &reader->raw : NULL;
}
