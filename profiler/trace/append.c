/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for a trace that was recorded without them. Chunks are added behind the file's end,
 * with a new index that takes the old one's place: a failure leaves the file as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/encode.h"
#include "trace/reader.h"

static int write_names(const struct cs_trace *trace, int fd, const struct cs_model *model,
                       const struct cs_symbols *symbols)
{
	struct cs_chunk_writer chunks;
	struct cs_encoder encoder = {.out = &chunks};
	uint32_t number = 0;
	int error;

	for (size_t i = 0; i < trace->chunk_count; i++)
		if (trace->chunks[i].head.number >= number)
			number = trace->chunks[i].head.number + 1;
	error = cs_chunk_writer_init(&chunks, fd, trace->file.size, number);
	for (size_t i = 0; i < trace->chunk_count; i++)
		cs_chunk_index_add(&chunks, trace->chunks[i].chunk.offset, &trace->chunks[i].head);
	if (!error) {
		cs_encode_begin(&encoder, CS_CHUNK_SYMBOLS, trace->duration_ns, trace->duration_ns);
		cs_encode_symbols(&encoder, model, symbols);
		error = cs_encode_end(&encoder);
	}
	if (!error)
		error = cs_chunk_write_index(&chunks);
	if (error && ftruncate(fd, (off_t)trace->file.size))
		error = -errno;
	cs_encoder_free(&encoder);
	cs_chunk_writer_free(&chunks);
	return error;
}

/* Opens PATH for writing, if it is still the file that was read and nobody else writes it. */
static int open_same(const struct cs_trace *trace, const char *path, struct cs_diag *diag)
{
	struct stat status;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return cs_diag_set(diag, -errno, "write %s: %s", path, strerror(errno));
	if ((flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) || fstat(fd, &status) ||
	    (uint64_t)status.st_size != trace->file.size) {
		close(fd);
		cs_diag_set(diag, -EBUSY, "add symbols to %s: it is being written", path);
		cs_diag_hint(diag, "wait until the recording has ended");
		return -EBUSY;
	}
	return fd;
}

int cs_trace_append_symbols(const char *path, const struct cs_model *model,
                            const struct cs_symbols *symbols, struct cs_diag *diag)
{
	struct cs_diag own = {0};
	struct cs_trace *trace = cs_trace_open(path, diag ? diag : &own);
	int fd, error;

	if (!trace)
		return diag ? diag->error : own.error;
	fd = open_same(trace, path, diag);
	error = fd < 0 ? fd : write_names(trace, fd, model, symbols);
	if (fd >= 0 && error)
		cs_diag_set(diag, error, "write %s: %s", path, strerror(-error));
	if (fd >= 0)
		close(fd);
	cs_trace_close(trace);
	return error;
}
