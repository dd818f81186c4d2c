/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace that goes on where another one was cut short: its chunks up to a time are copied as
 * they are, damaged ones left out.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checksum.h"
#include "model/coroutine.h"
#include "trace/reader.h"
#include "trace/writer.h"

static bool is_copied(const struct cs_chunk_header *head, uint64_t until_ns)
{
	return head->kind != CS_CHUNK_SESSION && head->kind != CS_CHUNK_SUMMARY &&
	       head->kind != CS_CHUNK_INDEX && head->kind != CS_CHUNK_SYMBOLS &&
	       head->to_ns <= until_ns;
}

static int copy_chunk(struct cs_trace *trace, size_t index, struct cs_chunk_writer *to,
                      struct cs_buffer *stored)
{
	const struct cs_known_chunk *known = &trace->chunks[index];
	uint64_t offset = known->chunk.offset;
	struct cs_chunk_header head;
	int error;

	if (cs_chunk_reader_at(&trace->file, offset, &head, sizeof(head)) ||
	    !cs_chunk_is_header(&head))
		return 0;
	cs_buffer_clear(stored);
	error = cs_buffer_reserve(stored, head.stored_bytes ? head.stored_bytes : 1);
	if (error)
		return error;
	if (cs_chunk_reader_at(&trace->file, offset + sizeof(head), stored->data,
	                       head.stored_bytes) ||
	    cs_crc32c(0, stored->data, head.stored_bytes) != head.payload_crc)
		return 0;
	return cs_chunk_copy(to, head, stored->data);
}

/* What has been defined is what would be written now: so both always agree. */
static int count_definitions(struct cs_trace_writer *writer, const struct cs_model *model)
{
	struct cs_chunk_writer scratch;
	struct cs_encoder encoder = {.out = &scratch};
	int fd = memfd_create("definitions", MFD_CLOEXEC);
	int error = fd < 0 ? -errno : cs_chunk_writer_init(&scratch, fd, 0, 0);

	if (fd < 0)
		return error;
	if (!error) {
		cs_encode_begin(&encoder, CS_CHUNK_DEFS, 0, 0);
		cs_encode_definitions(&encoder, model, &writer->counts);
		error = cs_encode_end(&encoder);
	}
	cs_encoder_free(&encoder);
	cs_chunk_writer_free(&scratch);
	close(fd);
	return error;
}

struct cs_trace_writer *cs_trace_continue(const char *path, struct cs_trace *trace,
                                          uint64_t until_ns, const struct cs_model *model,
                                          struct cs_diag *diag)
{
	struct cs_trace_session session = trace->session;
	struct cs_buffer stored = {0};
	struct cs_trace_writer *writer;
	int error = 0;

	session.max_bytes = session.last_ns = 0;
	writer = cs_trace_create(path, &session, diag);
	for (size_t i = 0; writer && !error && i < trace->chunk_count; i++)
		if (is_copied(&trace->chunks[i].head, until_ns) &&
		    !(error = cs_pace_rest(trace->pace)))
			error = copy_chunk(trace, i, &writer->chunks, &stored);
	if (writer && !error)
		error = count_definitions(writer, model);
	cs_buffer_free(&stored);
	if (!writer)
		return NULL;
	writer->last_ns = until_ns < trace->duration_ns ? until_ns : trace->duration_ns;
	/* The model's slots are not those of the file: only a keyframe tells them apart. */
	writer->wants_keyframe = cs_model_coroutine_slots(model) > 0;
	if (!error)
		return writer;
	cs_trace_finish(writer, NULL, NULL);
	unlink(path);
	cs_diag_set(diag, error, "write %s: %s", path, strerror(-error));
	return NULL;
}
