/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every record as a line, for people who look for what is wrong with a file or a reader.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/coroutine.h"
#include "model/tally.h"
#include "trace/decode.h"
#include "trace/fields.h"
#include "trace/reader.h"

#define LINE_BYTES 4096u

struct dumping {
	char line[LINE_BYTES];
	uint32_t last_cell, last_slot, last_tally;
	uint64_t last_event_ns;
	uint32_t strings;
	/* Numbers of the definitions, as BASE records tell them. */
	uint64_t next[CS_TRACE_FIGURE + 1];
};

__attribute__((format(printf, 2, 3))) static void add(struct dumping *dumping, const char *format,
                                                      ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	cs_line_add(dumping->line, LINE_BYTES, "%s", text);
}

static void show_fields(struct dumping *dumping, struct cs_cursor *fields, const char *title,
                        const struct cs_field *table, void *scratch)
{
	add(dumping, "%s", title);
	if (cs_fields_get(fields, table, scratch))
		cs_fields_show(table, scratch, dumping->line, LINE_BYTES);
	else
		add(dumping, " malformed");
	cs_fields_free(table, scratch);
}

static void show_state(struct dumping *dumping, struct cs_cursor *fields, const char *what,
                       const struct cs_field *table, void *scratch)
{
	char title[64];

	snprintf(title, sizeof(title), "%s %" PRIu64, what, cs_get_varint(fields));
	show_fields(dumping, fields, title, table, scratch);
}

static void show_base(struct dumping *dumping, struct cs_cursor *fields)
{
	static const struct {
		enum cs_trace_record kind;
		const char *name;
	} kinds[] = {
		{CS_TRACE_PROCESS, "processes"}, {CS_TRACE_THREAD, "threads"},
		{CS_TRACE_MODULE, "modules"},    {CS_TRACE_FRAME, "frames"},
		{CS_TRACE_NODE, "nodes"},        {CS_TRACE_CELL, "cells"},
		{CS_TRACE_TEXT, "texts"},        {CS_TRACE_RUNTIME, "runtimes"},
		{CS_TRACE_TALLY, "tallies"},     {CS_TRACE_FIGURE, "figures"},
	};

	add(dumping, "base");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && cs_cursor_left(fields); i++) {
		dumping->next[kinds[i].kind] = cs_get_varint(fields);
		add(dumping, " %s=%" PRIu64, kinds[i].name, dumping->next[kinds[i].kind]);
	}
}

static void show_module(struct dumping *dumping, struct cs_cursor *fields)
{
	char *path = cs_get_text(fields);
	uint32_t bytes = cs_get_u32(fields);
	const unsigned char *id = bytes <= 32 ? cs_get_bytes(fields, bytes) : NULL;

	add(dumping, " path=\"%.900s\"", path ? path : "");
	for (uint32_t i = 0; id && i < bytes; i++)
		add(dumping, i ? "%02x" : " build_id=%02x", id[i]);
	free(path);
}

static void show_cell(struct dumping *dumping, struct cs_cursor *fields, uint64_t process,
                      uint64_t thread)
{
	uint64_t node = cs_get_varint(fields);
	uint64_t spawn = cs_cursor_left(fields) ? cs_get_varint(fields) : 0;

	add(dumping, " process=%" PRIu64 " thread=%" PRIu64 " node=%" PRIu64, process, thread,
	    node);
	if (spawn)
		add(dumping, " spawn=%" PRIu64, spawn);
}

static void show_definition(struct dumping *dumping, uint64_t kind, struct cs_cursor *fields)
{
	static const char *const names[] = {"process", "thread", "module", "frame", "node", "cell"};
	struct cs_process process = {0};
	struct cs_thread thread = {0};
	char title[64];
	uint64_t a, b;

	snprintf(title, sizeof(title), "%s %" PRIu64, names[kind - CS_TRACE_PROCESS],
	         ++dumping->next[kind]);
	if (kind == CS_TRACE_PROCESS) {
		show_fields(dumping, fields, title, cs_process_fields, &process);
		return;
	}
	if (kind == CS_TRACE_THREAD) {
		show_fields(dumping, fields, title, cs_thread_fields, &thread);
		return;
	}
	add(dumping, "%s", title);
	if (kind == CS_TRACE_MODULE) {
		show_module(dumping, fields);
		return;
	}
	a = cs_get_varint(fields);
	b = cs_get_varint(fields);
	if (kind == CS_TRACE_FRAME)
		add(dumping, " module=%" PRIu64 " offset=0x%" PRIx64, a, b);
	else if (kind == CS_TRACE_NODE)
		add(dumping, " parent=%" PRIu64 " frame=%" PRIu64, a, b);
	else
		show_cell(dumping, fields, a, b);
}

static void show_sum(struct dumping *dumping, struct cs_cursor *fields)
{
	struct cs_cell cell;
	const struct cs_heap_sum *sum = &cell.sum;
	bool peak = false;

	if (!cs_decode_sum(fields, &dumping->last_cell, &cell, &peak)) {
		add(dumping, "sum %u malformed", dumping->last_cell);
		return;
	}
	add(dumping,
	    "sum %u alloc_bytes=%" PRIu64 " alloc_objects=%.4g free_bytes=%" PRIu64
	    " free_objects=%.4g temporary_objects=%.4g samples=%" PRIu64 " live_samples=%" PRIu64,
	    dumping->last_cell, sum->alloc_bytes, (double)sum->alloc_objects / CS_OBJECT,
	    sum->free_bytes, (double)sum->free_objects / CS_OBJECT,
	    (double)sum->temporary_objects / CS_OBJECT, sum->samples, sum->live_samples);
	if (sum->alloc_bytes_var > 0)
		add(dumping, " var=%g,%g,%g,%g", sum->alloc_bytes_var, sum->alloc_objects_var,
		    sum->free_bytes_var, sum->free_objects_var);
	if (peak)
		add(dumping, " peak_bytes=%" PRIu64 " peak_objects=%.4g peak_samples=%" PRIu64,
		    cell.peak_bytes, (double)cell.peak_objects / CS_OBJECT, cell.peak_samples);
}

static void show_names(struct dumping *dumping, struct cs_cursor *fields)
{
	add(dumping, "names %u", cs_get_u32(fields));
	for (uint32_t count = cs_get_u32(fields); count > 0 && cs_cursor_left(fields); count--) {
		uint32_t function = cs_get_u32(fields);
		uint32_t file = cs_get_u32(fields);
		uint32_t line = cs_get_u32(fields);

		add(dumping, " function=%u file=%u line=%u%s", function, file, line,
		    cs_get_varint(fields) ? " inlined" : "");
	}
}

static void show_string(struct dumping *dumping, struct cs_cursor *fields)
{
	char *text = cs_get_text(fields);

	add(dumping, "string %u \"%.900s\"", ++dumping->strings, text ? text : "");
	free(text);
}

static void show_chunk(struct dumping *dumping, struct cs_cursor *fields)
{
	uint32_t kind = cs_get_u32(fields), flags = cs_get_u32(fields);
	uint32_t number = cs_get_u32(fields);

	add(dumping, "chunk %u %s flags=%u", number, cs_trace_chunk_name(kind), flags);
}

static void show_thread_state(struct dumping *dumping, struct cs_cursor *fields)
{
	struct cs_thread thread = {
		.cpu_ns = CS_UNKNOWN, .wait_ns = CS_UNKNOWN, .share_ppm = CS_UNKNOWN};

	show_state(dumping, fields, "state of thread", cs_thread_state_fields, &thread);
}

/* ---- coroutines, tallies, figures, events ---- */

static void show_late_definition(struct dumping *dumping, uint64_t kind, struct cs_cursor *fields)
{
	static const struct {
		const char *name;
		const struct cs_field *fields;
	} kinds[] = {
		{"text", NULL},
		{"runtime", cs_runtime_fields},
		{"tally", cs_tally_fields},
		{"figure", cs_figure_fields},
	};
	union {
		struct cs_runtime runtime;
		struct cs_tally tally;
		struct cs_figure figure;
	} scratch;
	char title[64];

	memset(&scratch, 0, sizeof(scratch));
	snprintf(title, sizeof(title), "%s %" PRIu64, kinds[kind - CS_TRACE_TEXT].name,
	         ++dumping->next[kind]);
	if (kind == CS_TRACE_TEXT) {
		char *text = cs_get_text(fields);

		add(dumping, "%s \"%.900s\"", title, text ? text : "");
		free(text);
		return;
	}
	show_fields(dumping, fields, title, kinds[kind - CS_TRACE_TEXT].fields, &scratch);
}

static void show_coroutine(struct dumping *dumping, uint64_t kind, struct cs_cursor *fields)
{
	struct cs_coroutine coroutine = {
		.created_after_ns = CS_UNKNOWN,
		.created_ns = CS_UNKNOWN,
		.since_ns = CS_UNKNOWN,
		.stack_ns = CS_UNKNOWN,
	};
	struct cs_coroutine_heap heap = {0};
	char title[160];

	dumping->last_slot += (uint32_t)cs_get_signed(fields);
	if (kind == CS_TRACE_COROUTINE_GONE) {
		add(dumping, "gone: coroutine in slot %u", dumping->last_slot);
		return;
	}
	if (kind == CS_TRACE_COROUTINE) {
		uint64_t process = cs_get_varint(fields), runtime = cs_get_varint(fields);

		snprintf(title, sizeof(title),
		         "coroutine in slot %u process=%" PRIu64 " runtime=%" PRIu64
		         " number=%" PRIu64,
		         dumping->last_slot, process, runtime, cs_get_varint(fields));
		show_fields(dumping, fields, title, cs_coroutine_fields, &coroutine);
		return;
	}
	snprintf(title, sizeof(title), "%s of coroutine in slot %u number=%" PRIu64,
	         kind == CS_TRACE_COROUTINE_HEAP ? "heap" : "state", dumping->last_slot,
	         cs_get_varint(fields));
	if (kind == CS_TRACE_COROUTINE_HEAP)
		show_fields(dumping, fields, title, cs_coroutine_heap_fields, &heap);
	else
		show_fields(dumping, fields, title, cs_coroutine_state_fields, &coroutine);
}

static void show_value(struct dumping *dumping, uint64_t kind, struct cs_cursor *fields)
{
	if (kind == CS_TRACE_FIGURE_VALUE) {
		add(dumping, "value of figure %u", cs_get_u32(fields));
		add(dumping, " %.10g", cs_get_double(fields));
		add(dumping, " time_ns=%" PRIu64, cs_get_varint(fields));
		return;
	}
	dumping->last_tally += (uint32_t)cs_get_signed(fields);
	add(dumping, "sum of tally %u value=%" PRIu64, dumping->last_tally, cs_get_varint(fields));
	add(dumping, " samples=%" PRIu64, cs_get_varint(fields));
}

static void show_event(struct dumping *dumping, struct cs_cursor *fields)
{
	struct cs_trace_event event;

	if (!cs_decode_event(fields, &dumping->last_event_ns, &event)) {
		add(dumping, "event malformed");
		return;
	}
	add(dumping, "event %s time_ns=%" PRIu64 " process=%u thread=%u runtime=%u number=%" PRIu64,
	    cs_trace_event_names[event.kind], event.time_ns, event.process, event.thread,
	    event.runtime, event.number);
	add(dumping, " text=%u node=%u value=%" PRIu64, event.text, event.node, event.value);
}

static void show_record(struct dumping *dumping, uint64_t kind, struct cs_cursor *fields)
{
	union {
		struct cs_trace_session session;
		struct cs_trace_summary summary;
		struct cs_process process;
		struct cs_memory memory;
		struct cs_trace_loss loss;
	} scratch;

	memset(&scratch, 0, sizeof(scratch));
	dumping->line[0] = '\0';
	if (kind >= CS_TRACE_PROCESS && kind <= CS_TRACE_CELL)
		show_definition(dumping, kind, fields);
	else if (kind >= CS_TRACE_TEXT && kind <= CS_TRACE_FIGURE)
		show_late_definition(dumping, kind, fields);
	else if (kind >= CS_TRACE_COROUTINE && kind <= CS_TRACE_COROUTINE_GONE)
		show_coroutine(dumping, kind, fields);
	else if (kind == CS_TRACE_TALLY_SUM || kind == CS_TRACE_FIGURE_VALUE)
		show_value(dumping, kind, fields);
	else if (kind == CS_TRACE_EVENT)
		show_event(dumping, fields);
	else if (kind == CS_TRACE_SESSION)
		show_fields(dumping, fields, "session", cs_session_fields, &scratch);
	else if (kind == CS_TRACE_SUMMARY)
		show_fields(dumping, fields, "summary", cs_summary_fields, &scratch);
	else if (kind == CS_TRACE_LOSS)
		show_fields(dumping, fields, "loss", cs_loss_fields, &scratch);
	else if (kind == CS_TRACE_PROCESS_STATE)
		show_state(dumping, fields, "state of process", cs_process_state_fields, &scratch);
	else if (kind == CS_TRACE_MEMORY)
		show_state(dumping, fields, "memory of process", cs_memory_fields, &scratch);
	else if (kind == CS_TRACE_THREAD_STATE)
		show_thread_state(dumping, fields);
	else if (kind == CS_TRACE_BASE)
		show_base(dumping, fields);
	else if (kind == CS_TRACE_CELL_SUM)
		show_sum(dumping, fields);
	else if (kind == CS_TRACE_STRING)
		show_string(dumping, fields);
	else if (kind == CS_TRACE_NAMES)
		show_names(dumping, fields);
	else if (kind == CS_TRACE_CHUNK)
		show_chunk(dumping, fields);
	else
		add(dumping, "record of unknown kind %" PRIu64 ": %zu bytes", kind,
		    cs_cursor_left(fields));
}

static int dump_chunk(struct dumping *dumping, const struct cs_trace_chunk *chunk,
                      const struct cs_buffer *payload, cs_trace_visit *visit, void *context)
{
	struct cs_cursor cursor, fields;
	uint64_t kind;
	int error = 0;

	if (!payload)
		return visit(context, chunk, "damaged");
	cursor = cs_cursor_over(payload->data, payload->size);
	dumping->last_cell = dumping->last_slot = dumping->last_tally = 0;
	dumping->last_event_ns = 0;
	dumping->strings = 0;
	while (!error && cs_record_next(&cursor, &kind, &fields)) {
		show_record(dumping, kind, &fields);
		error = visit(context, chunk, dumping->line);
	}
	if (!error && cursor.failed)
		error = visit(context, chunk, "the rest is malformed");
	return error;
}

int cs_trace_dump(struct cs_trace *trace, cs_trace_visit *visit, void *context,
                  struct cs_diag *diag)
{
	struct dumping *dumping = calloc(1, sizeof(*dumping));
	int error = 0;

	if (!dumping)
		return cs_diag_set(diag, -ENOMEM, "dump %s: not enough memory", trace->name);
	for (size_t i = 0; !error && i < trace->chunk_count; i++)
		error = dump_chunk(dumping, &trace->chunks[i].chunk, cs_trace_payload(trace, i),
		                   visit, context);
	free(dumping);
	return error;
}
