/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor that has failed stands at its end and gives zeros; a buffer that has failed takes
 * nothing more. So no loop over either can go on for ever.
 */
#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>

#include "base/list.h"

#define VARINT_BYTES_MAX 10u

void cs_buffer_free(struct cs_buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

void cs_buffer_clear(struct cs_buffer *buffer)
{
	buffer->size = 0;
	buffer->error = 0;
}

int cs_buffer_reserve(struct cs_buffer *buffer, size_t more)
{
	void *data = buffer->data;

	if (buffer->error)
		return buffer->error;
	if (more > SIZE_MAX - buffer->size)
		return buffer->error = -ENOMEM;
	buffer->error = cs_array_reserve(&data, &buffer->room, 1, buffer->size + more);
	buffer->data = data;
	return buffer->error;
}

void cs_put_bytes(struct cs_buffer *buffer, const void *bytes, size_t size)
{
	if (!size || cs_buffer_reserve(buffer, size))
		return;
	memcpy(buffer->data + buffer->size, bytes, size);
	buffer->size += size;
}

void cs_put_varint(struct cs_buffer *buffer, uint64_t value)
{
	unsigned char *at;

	if (buffer->room - buffer->size < VARINT_BYTES_MAX || buffer->error)
		if (cs_buffer_reserve(buffer, VARINT_BYTES_MAX))
			return;
	at = buffer->data + buffer->size;
	for (; value >= 0x80; value >>= 7)
		*at++ = (unsigned char)(value | 0x80);
	*at++ = (unsigned char)value;
	buffer->size = (size_t)(at - buffer->data);
}

void cs_put_signed(struct cs_buffer *buffer, int64_t value)
{
	cs_put_varint(buffer, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

void cs_put_double(struct cs_buffer *buffer, double value)
{
	cs_put_bytes(buffer, &value, sizeof(value)); /* x86-64: already little endian */
}

void cs_put_text(struct cs_buffer *buffer, const char *text)
{
	size_t length = text ? strlen(text) : 0;

	cs_put_varint(buffer, text ? length + 1 : 0);
	cs_put_bytes(buffer, text, length);
}

static void fail(struct cs_cursor *cursor)
{
	cursor->failed = true;
	cursor->at = cursor->end;
}

uint64_t cs_get_varint_slow(struct cs_cursor *cursor)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 70 && cursor->at < cursor->end; shift += 7) {
		unsigned char byte = *cursor->at++;

		/* The tenth byte has room for one bit only. */
		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	fail(cursor);
	return 0;
}

uint32_t cs_get_u32(struct cs_cursor *cursor)
{
	uint64_t value = cs_get_varint(cursor);

	if (value > UINT32_MAX) {
		fail(cursor);
		return 0;
	}
	return (uint32_t)value;
}

int64_t cs_get_signed(struct cs_cursor *cursor)
{
	uint64_t value = cs_get_varint(cursor);

	return (int64_t)((value >> 1) ^ (value & 1 ? UINT64_MAX : 0));
}

const void *cs_get_bytes(struct cs_cursor *cursor, size_t size)
{
	const void *bytes = cursor->at;

	if (size > cs_cursor_left(cursor)) {
		fail(cursor);
		return NULL;
	}
	cursor->at += size;
	return bytes;
}

double cs_get_double(struct cs_cursor *cursor)
{
	double value = 0;
	const void *bytes = cs_get_bytes(cursor, sizeof(value));

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

char *cs_get_text(struct cs_cursor *cursor)
{
	uint64_t length = cs_get_varint(cursor);
	const void *bytes;
	char *text;

	if (!length)
		return NULL;
	length--;
	bytes = length <= cs_cursor_left(cursor) ? cs_get_bytes(cursor, (size_t)length) : NULL;
	text = bytes ? malloc((size_t)length + 1) : NULL;
	if (!text) {
		fail(cursor);
		return NULL;
	}
	memcpy(text, bytes, (size_t)length);
	text[length] = '\0';
	return text;
}

struct cs_cursor cs_get_part(struct cs_cursor *cursor, uint64_t size)
{
	const void *bytes = NULL;

	if (size <= cs_cursor_left(cursor))
		bytes = cs_get_bytes(cursor, (size_t)size);
	if (bytes)
		return cs_cursor_over(bytes, (size_t)size);
	fail(cursor);
	return (struct cs_cursor){.at = cursor->end, .end = cursor->end, .failed = true};
}
