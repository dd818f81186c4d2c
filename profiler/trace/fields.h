/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that are a struct's fields in a fixed order: one table tells how they are written,
 * read and shown. A field that a record is too short for keeps its value, so tables grow at
 * their end and old files stay readable.
 */
#ifndef CS_TRACE_FIELDS_H
#define CS_TRACE_FIELDS_H

#include "base/bytes.h"

enum cs_field_type {
	CS_FIELD_END,
	CS_FIELD_BOOL,
	CS_FIELD_U8,
	CS_FIELD_U16,
	CS_FIELD_U32,
	CS_FIELD_I32,
	CS_FIELD_U64,
	CS_FIELD_KNOWN, /* uint64_t + 1: CS_UNKNOWN is written as 0 */
	CS_FIELD_TIME,  /* uint64_t that may lie before the start; CS_UNKNOWN is written as 0 */
	CS_FIELD_DOUBLE,
	CS_FIELD_U64_ARRAY, /* size: how many */
	CS_FIELD_TEXT,      /* char *, owned */
	CS_FIELD_NAME,      /* char[size] with NUL */
};

struct cs_field {
	const char *name;
	uint16_t offset;
	uint8_t type;
	uint8_t size;
};

extern const struct cs_field cs_session_fields[];
extern const struct cs_field cs_summary_fields[];
extern const struct cs_field cs_process_fields[];       /* what never changes */
extern const struct cs_field cs_process_state_fields[]; /* what does */
extern const struct cs_field cs_memory_fields[];
extern const struct cs_field cs_thread_fields[];
extern const struct cs_field cs_thread_state_fields[];
extern const struct cs_field cs_loss_fields[];
extern const struct cs_field cs_runtime_fields[];
extern const struct cs_field cs_tally_fields[];
extern const struct cs_field cs_figure_fields[];
extern const struct cs_field cs_coroutine_fields[]; /* what hardly changes */
extern const struct cs_field cs_coroutine_state_fields[];
extern const struct cs_field cs_coroutine_heap_fields[];

void cs_fields_put(struct cs_buffer *buffer, const struct cs_field *fields, const void *from);
/* Replaces texts (and frees the old ones). False: the record is malformed, or no memory. */
bool cs_fields_get(struct cs_cursor *cursor, const struct cs_field *fields, void *to);
/* Appends " name=value" for each field that is not 0 or empty. */
void cs_fields_show(const struct cs_field *fields, const void *from, char *line, size_t bytes);
void cs_fields_free(const struct cs_field *fields, void *of); /* its texts */

/* Appends to LINE, cut at BYTES; whatever is not printable is shown as '?'. */
void cs_line_add(char *line, size_t bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
