/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where output goes: a file or memory. The first error is kept and everything after it is
 * dropped, so that writers need no check per line; they ask once, at the end or in long loops.
 *
 * A reader that has gone away (`coroscope fold … | head`) stops the output without being an
 * error: cs_sink_error() tells loops to stop, cs_sink_finish() has nothing to complain of.
 * The caller ignores SIGPIPE.
 */
#ifndef CS_BASE_SINK_H
#define CS_BASE_SINK_H

#include <stddef.h>
#include <stdio.h>

#include "base/diag.h"

struct cs_sink {
	FILE *file;       /* NULL: memory */
	const char *name; /* for messages; borrowed */
	char *data;       /* memory: what was written, ended by a 0 that does not count */
	size_t size;
	size_t capacity;
	int error; /* the first one, -errno */
};

/* Neither opens nor closes FILE. NAME: "standard output", a path. */
void cs_sink_to_file(struct cs_sink *sink, FILE *file, const char *name);
void cs_sink_to_memory(struct cs_sink *sink);
/* Frees the memory of a memory sink. NULL is fine. */
void cs_sink_release(struct cs_sink *sink);

void cs_sink_bytes(struct cs_sink *sink, const void *data, size_t size);
void cs_sink_char(struct cs_sink *sink, char c);
void cs_sink_text(struct cs_sink *sink, const char *text);
void cs_sink_printf(struct cs_sink *sink, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* COUNT spaces. */
void cs_sink_spaces(struct cs_sink *sink, size_t count);

/* 0, or the first error: -EPIPE when the reader has gone away. */
int cs_sink_error(const struct cs_sink *sink);

/* Flushes; 0 or the first error with DIAG set. A reader that has gone away is 0. */
int cs_sink_finish(struct cs_sink *sink, struct cs_diag *diag);

#endif
