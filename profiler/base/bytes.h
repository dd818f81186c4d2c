/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that are written and read in order: a buffer that grows, and a cursor that never
 * leaves what it was given. Integers are varints: 7 bits a byte, lowest first, the top bit
 * says that more follow; at most 10 bytes. Doubles are 8 bytes, little endian. Texts are a
 * length and its bytes, without NUL.
 *
 * Both remember the first failure, so a caller checks once, after the last call.
 */
#ifndef CS_BASE_BYTES_H
#define CS_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* All zero is an empty buffer. */
struct cs_buffer {
	unsigned char *data;
	size_t size;
	size_t room;
	int error; /* 0 or -ENOMEM: from then on nothing is added */
};

void cs_buffer_free(struct cs_buffer *buffer);
/* Forgets the contents and the error, keeps the memory. */
void cs_buffer_clear(struct cs_buffer *buffer);
int cs_buffer_reserve(struct cs_buffer *buffer, size_t more);

void cs_put_bytes(struct cs_buffer *buffer, const void *bytes, size_t size);
void cs_put_varint(struct cs_buffer *buffer, uint64_t value);
void cs_put_signed(struct cs_buffer *buffer, int64_t value); /* zigzag: small either way */
void cs_put_double(struct cs_buffer *buffer, double value);
/* NULL is kept apart from "": the length is stored plus 1. */
void cs_put_text(struct cs_buffer *buffer, const char *text);

struct cs_cursor {
	const unsigned char *at;
	const unsigned char *end;
	bool failed; /* something ran over the end or was malformed; reads give 0 */
};

static inline struct cs_cursor cs_cursor_over(const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	return (struct cs_cursor){.at = at, .end = at + size};
}

static inline size_t cs_cursor_left(const struct cs_cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

uint64_t cs_get_varint_slow(struct cs_cursor *cursor);

static inline uint64_t cs_get_varint(struct cs_cursor *cursor)
{
	if (cursor->at < cursor->end && *cursor->at < 0x80)
		return *cursor->at++;
	return cs_get_varint_slow(cursor);
}

/* A varint that must fit 32 bits. */
uint32_t cs_get_u32(struct cs_cursor *cursor);
int64_t cs_get_signed(struct cs_cursor *cursor);
double cs_get_double(struct cs_cursor *cursor);
/* SIZE bytes in place, NULL on failure. */
const void *cs_get_bytes(struct cs_cursor *cursor, size_t size);
/* A copy for free(), or NULL: absent, failed (see `failed`), or no memory (fails as well). */
char *cs_get_text(struct cs_cursor *cursor);
/* The next SIZE bytes as a cursor of their own; this one goes on behind them. */
struct cs_cursor cs_get_part(struct cs_cursor *cursor, uint64_t size);

#endif
