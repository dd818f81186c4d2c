/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the chunks are. A finished file says so at its end; every other file is walked from
 * chunk to chunk, and where that fails the next header is searched byte by byte: a header has
 * a checksum of its own, so one that looks whole is whole.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/list.h"
#include "trace/decode.h"
#include "trace/reader.h"

/* Searched at a time; consecutive reads overlap by a header. */
#define SEARCH_BYTES (64u << 10)

static int add_chunk(struct cs_trace *trace, uint64_t offset, const struct cs_chunk_header *head)
{
	void *chunks = trace->chunks;
	struct cs_known_chunk *known;
	int error = cs_array_reserve(&chunks, &trace->chunk_room, sizeof(*trace->chunks),
	                             trace->chunk_count + 1);

	trace->chunks = chunks;
	if (error)
		return error;
	known = &trace->chunks[trace->chunk_count++];
	*known = (struct cs_known_chunk){
		.chunk =
			{
				.kind = head->kind,
				.offset = offset,
				.stored_bytes = head->stored_bytes,
				.raw_bytes = head->raw_bytes,
				.from_ns = head->from_ns,
				.to_ns = head->to_ns,
			},
		.head = *head,
	};
	return 0;
}

/* ---- by the index ---- */

static bool get_entry(struct cs_cursor *fields, uint64_t *offset, struct cs_chunk_header *head)
{
	uint64_t kind = cs_get_varint(fields);
	uint64_t flags = cs_get_varint(fields);

	memset(head, 0, sizeof(*head));
	head->magic = CS_CHUNK_MAGIC;
	head->kind = (uint16_t)kind;
	head->flags = (uint16_t)flags;
	head->number = cs_get_u32(fields);
	*offset += cs_get_varint(fields);
	head->stored_bytes = cs_get_u32(fields);
	head->raw_bytes = cs_get_u32(fields);
	head->from_ns = cs_get_varint(fields);
	head->to_ns = head->from_ns + cs_get_varint(fields);
	return !fields->failed && kind <= UINT16_MAX && flags <= UINT16_MAX &&
	       head->to_ns >= head->from_ns && *offset <= INT64_MAX;
}

/* Entries follow each other without overlap, from the first chunk to the index. */
static int use_index(struct cs_trace *trace, const struct cs_buffer *payload, uint64_t end)
{
	struct cs_cursor cursor = cs_cursor_over(payload->data, payload->size), fields;
	uint64_t kind, offset = 0, next = sizeof(struct cs_file_header);

	while (cs_record_next(&cursor, &kind, &fields)) {
		struct cs_chunk_header head;
		int error;

		if (kind != CS_TRACE_CHUNK)
			continue;
		if (!get_entry(&fields, &offset, &head) || offset < next ||
		    offset + sizeof(head) > end || head.stored_bytes > end - offset - sizeof(head))
			return -EINVAL;
		next = offset + sizeof(head) + head.stored_bytes;
		error = add_chunk(trace, offset, &head);
		if (error)
			return error;
	}
	return cursor.failed ? -EINVAL : 0;
}

static int find_by_index(struct cs_trace *trace)
{
	struct cs_file_tail tail;
	struct cs_chunk_header head;
	const struct cs_buffer *payload;
	const char *why;
	int error;

	if (trace->file.size < sizeof(struct cs_file_header) + sizeof(tail) + sizeof(head) ||
	    cs_chunk_reader_at(&trace->file, trace->file.size - sizeof(tail), &tail,
	                       sizeof(tail)) ||
	    memcmp(tail.magic, CS_TRACE_TAIL_MAGIC, sizeof(tail.magic)) != 0 ||
	    cs_chunk_reader_at(&trace->file, tail.index_offset, &head, sizeof(head)) ||
	    !cs_chunk_is_header(&head) || head.kind != CS_CHUNK_INDEX)
		return -EINVAL;
	payload = cs_chunk_read(&trace->file, tail.index_offset, &head, &why);
	if (!payload)
		return -EINVAL;
	error = use_index(trace, payload, tail.index_offset);
	if (!error)
		error = add_chunk(trace, tail.index_offset, &head);
	return error;
}

/* ---- by going through the file ---- */

/* Offset of the next whole header at or behind OFFSET; the file's size: there is none. */
static uint64_t search(const struct cs_trace *trace, uint64_t offset)
{
	const uint32_t magic = CS_CHUNK_MAGIC;
	unsigned char block[SEARCH_BYTES];

	while (offset < trace->file.size) {
		uint64_t left = trace->file.size - offset;
		size_t size = left < sizeof(block) ? (size_t)left : sizeof(block);
		unsigned char *at = block;

		if (cs_chunk_reader_at(&trace->file, offset, block, size))
			return trace->file.size;
		while ((at = memmem(at, size - (size_t)(at - block), &magic, sizeof(magic)))) {
			struct cs_chunk_header head;
			uint64_t place = offset + (uint64_t)(at - block);

			if (!cs_chunk_reader_at(&trace->file, place, &head, sizeof(head)) &&
			    cs_chunk_is_header(&head))
				return place;
			at++;
		}
		if (size < sizeof(block))
			break;
		offset += size - sizeof(magic) + 1;
	}
	return trace->file.size;
}

/* The tail of an index that symbols were appended behind. */
static bool is_tail(const struct cs_trace *trace, uint64_t offset)
{
	struct cs_file_tail tail;

	return !cs_chunk_reader_at(&trace->file, offset, &tail, sizeof(tail)) &&
	       !memcmp(tail.magic, CS_TRACE_TAIL_MAGIC, sizeof(tail.magic));
}

/* Bytes that are no chunk: what comes behind them tells what time is missing. */
static uint64_t skip_damage(struct cs_trace *trace, uint64_t offset, uint64_t seen_ns)
{
	uint64_t next = search(trace, offset + 1);
	struct cs_chunk_header head;

	trace->lost_bytes += next - offset;
	if (next < trace->file.size && !cs_chunk_reader_at(&trace->file, next, &head, sizeof(head)))
		cs_trace_warn(trace,
		              "%" PRIu64 " bytes at %" PRIu64
		              " damaged: some of %.3f s to %.3f s is missing",
		              next - offset, offset, (double)seen_ns / 1e9,
		              (double)head.to_ns / 1e9);
	return next;
}

static int walk(struct cs_trace *trace, uint64_t offset, uint64_t seen_ns)
{
	while (offset < trace->file.size) {
		struct cs_chunk_header head;
		int error;

		if (cs_chunk_reader_at(&trace->file, offset, &head, sizeof(head)) ||
		    !cs_chunk_is_header(&head)) {
			offset = is_tail(trace, offset) ? offset + sizeof(struct cs_file_tail)
			                                : skip_damage(trace, offset, seen_ns);
			continue;
		}
		if (head.stored_bytes > trace->file.size - offset - sizeof(head))
			break; /* the file ends in the middle of it */
		error = add_chunk(trace, offset, &head);
		if (error)
			return error;
		seen_ns = head.to_ns;
		offset += sizeof(head) + head.stored_bytes;
	}
	return 0;
}

int cs_trace_find_chunks(struct cs_trace *trace)
{
	int error = find_by_index(trace);

	if (error != -EINVAL)
		return error;
	trace->chunk_count = 0;
	return walk(trace, sizeof(struct cs_file_header), 0);
}

int cs_trace_find_more(struct cs_trace *trace)
{
	const struct cs_trace_chunk *last;

	if (!trace->chunk_count)
		return walk(trace, sizeof(struct cs_file_header), 0);
	last = &trace->chunks[trace->chunk_count - 1].chunk;
	return walk(trace, last->offset + sizeof(struct cs_chunk_header) + last->stored_bytes,
	            last->to_ns);
}
