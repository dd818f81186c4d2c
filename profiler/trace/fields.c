/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types of fields, each once for writing, reading, freeing and showing. Texts that were read
 * belong to the struct; cs_fields_free() gives them back.
 */
#include "trace/fields.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/coroutine.h"
#include "model/tally.h"
#include "trace/trace.h"

/* No text of a program is worth more; a chunk must hold at least one record. */
#define TEXT_MAX (1u << 20)

#define FIELD(type, structure, member)                                          \
	{                                                                       \
#member, offsetof(struct structure, member), CS_FIELD_##type, 0 \
	}
#define SIZED(type, structure, member, size)                                       \
	{                                                                          \
#member, offsetof(struct structure, member), CS_FIELD_##type, size \
	}
#define END                              \
	{                                \
		NULL, 0, CS_FIELD_END, 0 \
	}

const struct cs_field cs_session_fields[] = {
	FIELD(U64, cs_trace_session, wall_start_ns),
	FIELD(U64, cs_trace_session, mono_start_ns),
	FIELD(U64, cs_trace_session, heap_mean_bytes),
	FIELD(U64, cs_trace_session, tick_ns),
	FIELD(TEXT, cs_trace_session, command),
	FIELD(TEXT, cs_trace_session, host),
	FIELD(TEXT, cs_trace_session, kernel),
	FIELD(TEXT, cs_trace_session, arch),
	FIELD(TEXT, cs_trace_session, recorder),
	FIELD(U64, cs_trace_session, kept_from_ns),
	FIELD(U64, cs_trace_session, max_bytes),
	FIELD(U64, cs_trace_session, last_ns),
	END,
};

const struct cs_field cs_summary_fields[] = {
	FIELD(U64, cs_trace_summary, duration_ns),
	FIELD(I32, cs_trace_summary, exit_status),
	FIELD(U64, cs_trace_summary, reader_cpu_ns),
	FIELD(U64, cs_trace_summary, reader_rss_bytes),
	FIELD(U64, cs_trace_summary, events),
	FIELD(U64, cs_trace_summary, lost),
	FIELD(U64, cs_trace_summary, late),
	FIELD(TEXT, cs_trace_summary, ended_by),
	END,
};

const struct cs_field cs_process_fields[] = {
	FIELD(U32, cs_process, pid),
	FIELD(U32, cs_process, parent_pid),
	FIELD(U64, cs_process, start_ns),
	FIELD(U64, cs_process, boot_ticks),
	FIELD(TEXT, cs_process, executable),
	FIELD(TEXT, cs_process, arguments),
	END,
};

const struct cs_field cs_process_state_fields[] = {
	FIELD(U32, cs_process, parent),          FIELD(U32, cs_process, exec_of),
	FIELD(BOOL, cs_process, forked),         FIELD(BOOL, cs_process, ended),
	FIELD(BOOL, cs_process, end_seen),       FIELD(BOOL, cs_process, heap_inexact),
	FIELD(U64, cs_process, heap_mean_bytes), FIELD(U64, cs_process, end_ns),
	FIELD(TEXT, cs_process, refusal),        FIELD(U64, cs_process, lost),
	FIELD(U64, cs_process, emitted),         SIZED(U64_ARRAY, cs_process, counters, 32),
	FIELD(U64, cs_process, end_rss_bytes),   FIELD(U64, cs_process, rss_peak_bytes),
	FIELD(U64, cs_process, brk_bytes),       FIELD(U64, cs_process, cpu_ns),
	FIELD(U64, cs_process, inuse_bytes),     FIELD(U64, cs_process, inuse_objects),
	FIELD(U64, cs_process, peak_bytes),      FIELD(U64, cs_process, peak_objects),
	FIELD(U64, cs_process, peak_ns),         FIELD(U64, cs_process, peak_epoch),
	FIELD(U64, cs_process, inherited_bytes), FIELD(U64, cs_process, inherited_objects),
	FIELD(U64, cs_process, mapped_bytes),    END,
};

const struct cs_field cs_memory_fields[] = {
	FIELD(U64, cs_memory, time_ns),
	FIELD(U64, cs_memory, rss),
	FIELD(U64, cs_memory, files),
	FIELD(U64, cs_memory, stacks),
	FIELD(U64, cs_memory, program_maps),
	FIELD(U64, cs_memory, coroscope),
	FIELD(U64, cs_memory, allocator),
	FIELD(U64, cs_memory, maps),
	END,
};

const struct cs_field cs_thread_fields[] = {
	FIELD(U32, cs_thread, process),
	FIELD(U32, cs_thread, tid),
	FIELD(U64, cs_thread, start_ns),
	END,
};

const struct cs_field cs_thread_state_fields[] = {
	FIELD(U64, cs_thread, end_ns),      SIZED(NAME, cs_thread, name, 16),
	FIELD(U8, cs_thread, state),        FIELD(U32, cs_thread, coroutine),
	FIELD(KNOWN, cs_thread, cpu_ns),    FIELD(KNOWN, cs_thread, wait_ns),
	FIELD(U64, cs_thread, stack_low),   FIELD(U64, cs_thread, stack_high),
	FIELD(KNOWN, cs_thread, share_ppm), END,
};

const struct cs_field cs_loss_fields[] = {
	FIELD(U32, cs_trace_loss, process),
	FIELD(U64, cs_trace_loss, from_ns),
	FIELD(U64, cs_trace_loss, to_ns),
	FIELD(U64, cs_trace_loss, events),
	END,
};

const struct cs_field cs_runtime_fields[] = {
	FIELD(U32, cs_runtime, process),
	FIELD(TEXT, cs_runtime, name),
	FIELD(TEXT, cs_runtime, version),
	END,
};

const struct cs_field cs_tally_fields[] = {
	FIELD(U32, cs_tally, process),
	FIELD(U32, cs_tally, thread),
	FIELD(U32, cs_tally, node),
	FIELD(U32, cs_tally, spawn),
	FIELD(U32, cs_tally, label),
	FIELD(U8, cs_tally, kind),
	END,
};

const struct cs_field cs_figure_fields[] = {
	FIELD(U32, cs_figure, process),
	FIELD(U32, cs_figure, name),
	FIELD(U8, cs_figure, unit),
	END,
};

const struct cs_field cs_coroutine_fields[] = {
	FIELD(U32, cs_coroutine, parent_runtime),
	FIELD(U64, cs_coroutine, parent_number),
	FIELD(U32, cs_coroutine, entry),
	FIELD(U32, cs_coroutine, spawn),
	FIELD(TIME, cs_coroutine, created_after_ns),
	FIELD(TIME, cs_coroutine, created_ns),
	FIELD(U64, cs_coroutine, stack_low),
	FIELD(U64, cs_coroutine, stack_high),
	FIELD(TEXT, cs_coroutine, name),
	FIELD(TEXT, cs_coroutine, labels),
	END,
};

const struct cs_field cs_coroutine_state_fields[] = {
	FIELD(U8, cs_coroutine, state),
	FIELD(U16, cs_coroutine, flags),
	FIELD(U32, cs_coroutine, thread),
	FIELD(U32, cs_coroutine, reason),
	FIELD(U32, cs_coroutine, stack),
	FIELD(TIME, cs_coroutine, since_after_ns),
	FIELD(TIME, cs_coroutine, since_ns),
	FIELD(TIME, cs_coroutine, observed_ns),
	FIELD(U64, cs_coroutine, ended_ns),
	FIELD(KNOWN, cs_coroutine, switches),
	FIELD(KNOWN, cs_coroutine, cpu_ns),
	FIELD(KNOWN, cs_coroutine, wait_ns),
	FIELD(KNOWN, cs_coroutine, stack_used),
	FIELD(KNOWN, cs_coroutine, stack_resident),
	FIELD(KNOWN, cs_coroutine, stack_peak),
	FIELD(TIME, cs_coroutine, stack_ns),
	END,
};

const struct cs_field cs_coroutine_heap_fields[] = {
	FIELD(U64, cs_coroutine_heap, inuse_bytes),
	FIELD(U64, cs_coroutine_heap, inuse_objects),
	FIELD(U64, cs_coroutine_heap, alloc_bytes),
	FIELD(U64, cs_coroutine_heap, alloc_objects),
	FIELD(U64, cs_coroutine_heap, live_samples),
	FIELD(U64, cs_coroutine_heap, samples),
	FIELD(DOUBLE, cs_coroutine_heap, inuse_bytes_var),
	FIELD(DOUBLE, cs_coroutine_heap, inuse_objects_var),
	FIELD(DOUBLE, cs_coroutine_heap, alloc_bytes_var),
	FIELD(DOUBLE, cs_coroutine_heap, alloc_objects_var),
	END,
};

static const void *member(const struct cs_field *field, const void *of)
{
	return (const char *)of + field->offset;
}

/* As a signed varint, so that what is before the start is short as well; 0 is kept free. */
static uint64_t time_number(uint64_t time_ns)
{
	if (time_ns == CS_UNKNOWN)
		return 0;
	return ((time_ns << 1) ^ -(time_ns >> 63)) + 1;
}

static uint64_t number_time(uint64_t number)
{
	if (!number)
		return CS_UNKNOWN;
	number--;
	return (number >> 1) ^ -(number & 1);
}

/* Numbers of any width; 0 for the other types. */
static uint64_t number(const struct cs_field *field, const void *of)
{
	const void *at = member(field, of);

	switch (field->type) {
	case CS_FIELD_BOOL:
		return *(const bool *)at;
	case CS_FIELD_U8:
		return *(const uint8_t *)at;
	case CS_FIELD_U16:
		return *(const uint16_t *)at;
	case CS_FIELD_U32:
		return *(const uint32_t *)at;
	case CS_FIELD_U64:
		return *(const uint64_t *)at;
	case CS_FIELD_KNOWN:
		return *(const uint64_t *)at + 1;
	case CS_FIELD_TIME:
		return time_number(*(const uint64_t *)at);
	default:
		return 0;
	}
}

static void put_array(struct cs_buffer *buffer, const uint64_t *values, unsigned count)
{
	while (count && !values[count - 1])
		count--;
	cs_put_varint(buffer, count);
	for (unsigned i = 0; i < count; i++)
		cs_put_varint(buffer, values[i]);
}

static void put_text(struct cs_buffer *buffer, const char *text)
{
	size_t length = text ? strnlen(text, TEXT_MAX) : 0;

	cs_put_varint(buffer, text ? length + 1 : 0);
	cs_put_bytes(buffer, text, length);
}

void cs_fields_put(struct cs_buffer *buffer, const struct cs_field *fields, const void *from)
{
	for (const struct cs_field *field = fields; field->type != CS_FIELD_END; field++) {
		const void *at = member(field, from);

		if (field->type == CS_FIELD_TEXT)
			put_text(buffer, *(char *const *)at);
		else if (field->type == CS_FIELD_NAME)
			cs_put_text(buffer, at);
		else if (field->type == CS_FIELD_U64_ARRAY)
			put_array(buffer, at, field->size);
		else if (field->type == CS_FIELD_I32)
			cs_put_signed(buffer, *(const int32_t *)at);
		else if (field->type == CS_FIELD_DOUBLE)
			cs_put_double(buffer, *(const double *)at);
		else
			cs_put_varint(buffer, number(field, from));
	}
}

static void get_array(struct cs_cursor *cursor, uint64_t *values, unsigned room)
{
	uint64_t count = cs_get_varint(cursor);

	if (count > cs_cursor_left(cursor)) { /* each takes a byte at least */
		cursor->failed = true;
		return;
	}
	memset(values, 0, room * sizeof(*values));
	for (uint64_t i = 0; i < count; i++) {
		uint64_t value = cs_get_varint(cursor);

		if (i < room)
			values[i] = value;
	}
}

static void get_name(struct cs_cursor *cursor, char *name, size_t room)
{
	char *text = cs_get_text(cursor);

	snprintf(name, room, "%s", text ? text : "");
	free(text);
}

static void get_field(struct cs_cursor *cursor, const struct cs_field *field, void *to)
{
	void *at = (char *)to + field->offset;

	switch ((enum cs_field_type)field->type) {
	case CS_FIELD_BOOL:
		*(bool *)at = cs_get_varint(cursor) != 0;
		break;
	case CS_FIELD_U8:
		*(uint8_t *)at = (uint8_t)cs_get_varint(cursor);
		break;
	case CS_FIELD_U16:
		*(uint16_t *)at = (uint16_t)cs_get_varint(cursor);
		break;
	case CS_FIELD_DOUBLE:
		*(double *)at = cs_get_double(cursor);
		break;
	case CS_FIELD_TIME:
		*(uint64_t *)at = number_time(cs_get_varint(cursor));
		break;
	case CS_FIELD_U32:
		*(uint32_t *)at = cs_get_u32(cursor);
		break;
	case CS_FIELD_I32:
		*(int32_t *)at = (int32_t)cs_get_signed(cursor);
		break;
	case CS_FIELD_U64:
		*(uint64_t *)at = cs_get_varint(cursor);
		break;
	case CS_FIELD_KNOWN:
		*(uint64_t *)at = cs_get_varint(cursor) - 1;
		break;
	case CS_FIELD_U64_ARRAY:
		get_array(cursor, at, field->size);
		break;
	case CS_FIELD_TEXT:
		free(*(char **)at);
		*(char **)at = cs_get_text(cursor);
		break;
	case CS_FIELD_NAME:
		get_name(cursor, at, field->size);
		break;
	case CS_FIELD_END:
		break;
	}
}

bool cs_fields_get(struct cs_cursor *cursor, const struct cs_field *fields, void *to)
{
	for (const struct cs_field *field = fields; field->type != CS_FIELD_END; field++)
		if (cs_cursor_left(cursor))
			get_field(cursor, field, to);
	return !cursor->failed;
}

void cs_fields_free(const struct cs_field *fields, void *of)
{
	for (const struct cs_field *field = fields; field->type != CS_FIELD_END; field++) {
		char **text = (char **)((char *)of + field->offset);

		if (field->type == CS_FIELD_TEXT) {
			free(*text);
			*text = NULL;
		}
	}
}

void cs_line_add(char *line, size_t bytes, const char *format, ...)
{
	size_t length = strlen(line);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + length, bytes - length, format, arguments);
	va_end(arguments);
	for (char *at = line + length; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
}

void cs_fields_show(const struct cs_field *fields, const void *from, char *line, size_t bytes)
{
	for (const struct cs_field *field = fields; field->type != CS_FIELD_END; field++) {
		const void *at = member(field, from);
		uint64_t value = number(field, from);

		if (field->type == CS_FIELD_KNOWN && value)
			cs_line_add(line, bytes, " %s=%" PRIu64, field->name, value - 1);
		if (field->type == CS_FIELD_TIME && value)
			cs_line_add(line, bytes, " %s=%" PRId64, field->name, *(const int64_t *)at);
		if (field->type == CS_FIELD_DOUBLE && *(const double *)at != 0)
			cs_line_add(line, bytes, " %s=%g", field->name, *(const double *)at);
		if (field->type == CS_FIELD_TEXT && *(char *const *)at)
			cs_line_add(line, bytes, " %s=\"%s\"", field->name, *(char *const *)at);
		if (field->type == CS_FIELD_NAME && *(const char *)at)
			cs_line_add(line, bytes, " %s=\"%s\"", field->name, (const char *)at);
		if (field->type == CS_FIELD_I32 && *(const int32_t *)at)
			cs_line_add(line, bytes, " %s=%" PRId32, field->name, *(const int32_t *)at);
		for (unsigned i = 0; field->type == CS_FIELD_U64_ARRAY && i < field->size; i++)
			if (((const uint64_t *)at)[i])
				cs_line_add(line, bytes, " %s[%u]=%" PRIu64, field->name, i,
				            ((const uint64_t *)at)[i]);
		if (value && field->type != CS_FIELD_KNOWN && field->type != CS_FIELD_TIME)
			cs_line_add(line, bytes, " %s=%" PRIu64, field->name, value);
	}
}
