/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace that is read: opened, its chunks found, its head and end understood. Files are
 * untrusted: lengths are checked before memory is taken, and only one chunk is held.
 */
#include "trace/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "trace/decode.h"
#include "trace/fields.h"

/* A hostile file must not make us keep more; real ones have one a tick at most. */
#define LOSSES_MAX (1u << 20)

static const char *const chunk_names[CS_CHUNK_KIND_COUNT] = {
	[CS_CHUNK_SESSION] = "SESSION", [CS_CHUNK_DEFS] = "DEFS",
	[CS_CHUNK_DELTAS] = "DELTAS",   [CS_CHUNK_KEYFRAME] = "KEYFRAME",
	[CS_CHUNK_SYMBOLS] = "SYMBOLS", [CS_CHUNK_SUMMARY] = "SUMMARY",
	[CS_CHUNK_INDEX] = "INDEX",     [CS_CHUNK_LOSSES] = "LOSSES",
};

const char *cs_trace_chunk_name(uint32_t kind)
{
	if (kind == CS_CHUNK_EVENTS)
		return "EVENTS";
	if (kind < CS_CHUNK_KIND_COUNT && chunk_names[kind])
		return chunk_names[kind];
	return "UNKNOWN";
}

/* ---- warnings ---- */

void cs_trace_warn(struct cs_trace *trace, const char *format, ...)
{
	size_t length = strlen(trace->warning);
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	/* Room is left to say how many more there are. */
	if (trace->warnings++ < 4 && length + strlen(text) + 40 < sizeof(trace->warning)) {
		snprintf(trace->warning + length, sizeof(trace->warning) - length, "%s%s",
		         length ? "; " : "", text);
		return;
	}
	char *more = strstr(trace->warning, "; and more");

	if (!more)
		more = trace->warning + length;
	snprintf(more, sizeof(trace->warning) - (size_t)(more - trace->warning), "; and more");
}

static void warn_damage(struct cs_trace *trace, struct cs_known_chunk *known, const char *why)
{
	const struct cs_chunk_header *head = &known->head;

	if (known->told)
		return;
	known->told = true;
	trace->lost_bytes += head->stored_bytes;
	if (head->kind == CS_CHUNK_DELTAS || head->kind == CS_CHUNK_DEFS)
		cs_trace_warn(trace, "chunk %u (%s) damaged (%s): %.3f s to %.3f s is missing",
		              head->number, cs_trace_chunk_name(head->kind), why,
		              (double)head->from_ns / 1e9, (double)head->to_ns / 1e9);
	else
		cs_trace_warn(trace, "chunk %u (%s) damaged (%s)", head->number,
		              cs_trace_chunk_name(head->kind), why);
}

void cs_trace_warn_records(struct cs_trace *trace, size_t index, uint32_t records)
{
	struct cs_known_chunk *known = &trace->chunks[index];

	if (!records || known->told)
		return;
	known->told = true;
	cs_trace_warn(trace, "chunk %u (%s): %u records make no sense", known->head.number,
	              cs_trace_chunk_name(known->head.kind), records);
}

/* ---- chunks ---- */

/* What the index says and what is there must agree; the checksums are only there. */
static bool same_head(const struct cs_chunk_header *a, const struct cs_chunk_header *b)
{
	return a->kind == b->kind && a->flags == b->flags && a->stored_bytes == b->stored_bytes &&
	       a->raw_bytes == b->raw_bytes && a->from_ns == b->from_ns && a->to_ns == b->to_ns;
}

const struct cs_buffer *cs_trace_payload(struct cs_trace *trace, size_t index)
{
	struct cs_known_chunk *known = &trace->chunks[index];
	const struct cs_buffer *payload = NULL;
	const char *why = "header";
	struct cs_chunk_header head;

	if (!cs_chunk_reader_at(&trace->file, known->chunk.offset, &head, sizeof(head)) &&
	    cs_chunk_is_header(&head) && same_head(&head, &known->head))
		payload = cs_chunk_read(&trace->file, known->chunk.offset, &head, &why);
	if (!payload)
		warn_damage(trace, known, why);
	return payload;
}

uint32_t cs_trace_check(struct cs_trace *trace)
{
	uint32_t damaged = 0;

	for (size_t i = 0; i < trace->chunk_count; i++)
		damaged += !cs_trace_payload(trace, i);
	return damaged;
}

/* ---- head and end ---- */

static void read_losses(struct cs_trace *trace, struct cs_cursor *fields)
{
	void *losses = trace->losses;
	struct cs_trace_loss loss = {0};

	if (!cs_fields_get(fields, cs_loss_fields, &loss) || trace->loss_count == LOSSES_MAX ||
	    cs_array_reserve(&losses, &trace->loss_room, sizeof(loss), trace->loss_count + 1))
		return;
	trace->losses = losses;
	trace->losses[trace->loss_count++] = loss;
}

static void read_record(struct cs_trace *trace, uint64_t kind, struct cs_cursor *fields)
{
	switch (kind) {
	case CS_TRACE_SESSION:
		cs_fields_get(fields, cs_session_fields, &trace->session);
		break;
	case CS_TRACE_SUMMARY:
		trace->has_summary = cs_fields_get(fields, cs_summary_fields, &trace->summary);
		break;
	case CS_TRACE_LOSS:
		read_losses(trace, fields);
		break;
	default:
		break;
	}
}

/* Session, summary and losses are small; everything else waits until it is asked for. */
static bool read_ends(struct cs_trace *trace, size_t from)
{
	bool has_end = false;

	for (size_t i = from; i < trace->chunk_count; i++) {
		const struct cs_trace_chunk *chunk = &trace->chunks[i].chunk;
		const struct cs_buffer *payload = NULL;
		struct cs_cursor cursor, fields;
		uint64_t kind;

		if (chunk->to_ns > trace->duration_ns)
			trace->duration_ns = chunk->to_ns;
		if (chunk->kind == CS_CHUNK_SYMBOLS)
			trace->has_symbols = true;
		if (chunk->kind == CS_CHUNK_SUMMARY)
			has_end = true;
		if (chunk->kind == CS_CHUNK_SESSION || chunk->kind == CS_CHUNK_SUMMARY ||
		    chunk->kind == CS_CHUNK_LOSSES)
			payload = cs_trace_payload(trace, i);
		if (!payload)
			continue;
		cursor = cs_cursor_over(payload->data, payload->size);
		while (cs_record_next(&cursor, &kind, &fields))
			read_record(trace, kind, &fields);
	}
	return has_end;
}

static void warn_unfinished(struct cs_trace *trace)
{
	if (trace->growing)
		cs_trace_warn(trace, "it is being recorded: shown up to %.3f s",
		              (double)trace->duration_ns / 1e9);
	else
		cs_trace_warn(trace, "cut short after %.3f s", (double)trace->duration_ns / 1e9);
}

/* ---- opening ---- */

/* Its recorder holds a lock on it. */
static bool is_growing(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB))
		return errno == EWOULDBLOCK;
	(void)flock(fd, LOCK_UN);
	return false;
}

static int check_header(struct cs_trace *trace, struct cs_diag *diag)
{
	struct cs_file_header head = {0};
	size_t size = trace->file.size < sizeof(head) ? (size_t)trace->file.size : sizeof(head);
	int error = cs_chunk_reader_at(&trace->file, 0, &head, size);

	if (error)
		return cs_diag_set(diag, error, "read %s: %s", trace->name, strerror(-error));
	if (!size)
		return cs_diag_set(diag, -EINVAL, "read %s: it is empty", trace->name);
	if (size < sizeof(head.magic) ||
	    memcmp(head.magic, CS_TRACE_MAGIC, sizeof(head.magic)) != 0) {
		cs_diag_set(diag, -EINVAL, "read %s: it is not a coroscope trace", trace->name);
		return cs_diag_hint(diag,
		                    "traces are made by: coroscope record -o FILE -- PROGRAM");
	}
	if (size < sizeof(head))
		return cs_diag_set(diag, -EINVAL,
		                   "read %s: it was cut short before anything was "
		                   "recorded",
		                   trace->name);
	if (head.version != CS_TRACE_VERSION) {
		cs_diag_set(diag, -EPROTO,
		            "read %s: it is a trace of version %u, and this "
		            "coroscope reads version %u",
		            trace->name, head.version, CS_TRACE_VERSION);
		return cs_diag_hint(diag, "read it with a coroscope as new as the one that "
		                          "recorded it");
	}
	return 0;
}

static int start(struct cs_trace *trace, int fd, struct cs_diag *diag)
{
	struct stat status;
	int error;

	if (fstat(fd, &status))
		return cs_diag_set(diag, -errno, "read %s: %s", trace->name, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return cs_diag_set(diag, -EINVAL, "read %s: it is not a regular file", trace->name);
	error = cs_chunk_reader_init(&trace->file, fd, (uint64_t)status.st_size);
	if (!error)
		error = check_header(trace, diag);
	else
		cs_diag_set(diag, error, "read %s: not enough memory", trace->name);
	if (error)
		return error;
	trace->growing = is_growing(fd);
	error = cs_trace_find_chunks(trace);
	if (error)
		return cs_diag_set(diag, error, "read %s: %s", trace->name, strerror(-error));
	if (!trace->chunk_count) {
		cs_diag_set(diag, -EINVAL, "read %s: no part of it is whole", trace->name);
		return cs_diag_hint(diag, "it was cut short, or damaged, from its beginning on");
	}
	if (!read_ends(trace, 0)) /* if damaged, that has been said */
		warn_unfinished(trace);
	return 0;
}

struct cs_trace *cs_trace_open_fd(int fd, const char *name, struct cs_diag *diag)
{
	struct cs_trace *trace = calloc(1, sizeof(*trace));

	if (trace)
		trace->name = strdup(name);
	if (!trace || !trace->name) {
		cs_diag_set(diag, -ENOMEM, "read %s: not enough memory", name);
		free(trace);
		close(fd);
		return NULL;
	}
	trace->summary.exit_status = -1;
	trace->file.fd = fd;
	if (start(trace, fd, diag)) {
		trace->file.fd = fd;
		cs_trace_close(trace);
		return NULL;
	}
	return trace;
}

struct cs_trace *cs_trace_open(const char *path, struct cs_diag *diag)
{
	/* O_NONBLOCK: a FIFO is refused, not waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		cs_diag_set(diag, -errno, "read %s: %s", path,
		            errno == ENOENT ? "no such file" : strerror(errno));
		return NULL;
	}
	return cs_trace_open_fd(fd, path, diag);
}

int cs_trace_refresh(struct cs_trace *trace, struct cs_diag *diag)
{
	struct stat status, named;
	size_t known = trace->chunk_count;
	int error;

	if (fstat(trace->file.fd, &status))
		return cs_diag_set(diag, -errno, "read %s: %s", trace->name, strerror(errno));
	/* A name that has gone is no other file: what was opened is still read. */
	if (!stat(trace->name, &named) &&
	    (named.st_dev != status.st_dev || named.st_ino != status.st_ino))
		return cs_diag_set(diag, -ESTALE, "read %s: it was replaced", trace->name);
	/* Before the size: what its recorder wrote last is then seen. */
	trace->growing = is_growing(trace->file.fd);
	if (fstat(trace->file.fd, &status) || (uint64_t)status.st_size <= trace->file.size)
		return 0;
	trace->file.size = (uint64_t)status.st_size;
	error = cs_trace_find_more(trace);
	if (error)
		return cs_diag_set(diag, error, "read %s: %s", trace->name, strerror(-error));
	read_ends(trace, known);
	return trace->chunk_count > known;
}

void cs_trace_close(struct cs_trace *trace)
{
	if (!trace)
		return;
	close(trace->file.fd);
	cs_chunk_reader_free(&trace->file);
	cs_fields_free(cs_session_fields, &trace->session);
	cs_fields_free(cs_summary_fields, &trace->summary);
	free(trace->chunks);
	free(trace->losses);
	free(trace->name);
	free(trace);
}

/* ---- what was found ---- */

const struct cs_trace_session *cs_trace_session(const struct cs_trace *trace)
{
	return &trace->session;
}

const struct cs_trace_summary *cs_trace_summary(const struct cs_trace *trace)
{
	return trace->has_summary ? &trace->summary : NULL;
}

const char *cs_trace_warning(const struct cs_trace *trace)
{
	return trace->warning[0] ? trace->warning : NULL;
}

void cs_trace_pace(struct cs_trace *trace, const struct cs_pace *pace)
{
	trace->pace = trace->file.pace = pace;
}

bool cs_trace_is_growing(const struct cs_trace *trace)
{
	return trace->growing;
}

uint64_t cs_trace_duration_ns(const struct cs_trace *trace)
{
	return trace->duration_ns;
}

uint32_t cs_trace_chunk_count(const struct cs_trace *trace)
{
	return (uint32_t)trace->chunk_count;
}

const struct cs_trace_chunk *cs_trace_chunk_at(const struct cs_trace *trace, uint32_t index)
{
	return index < trace->chunk_count ? &trace->chunks[index].chunk : NULL;
}

bool cs_trace_has_symbols(const struct cs_trace *trace)
{
	return trace->has_symbols;
}

uint32_t cs_trace_losses(const struct cs_trace *trace, const struct cs_trace_loss **losses)
{
	*losses = trace->losses;
	return (uint32_t)trace->loss_count;
}
