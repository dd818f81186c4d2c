/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace as it grows. Every chunk is in the file before the call returns, so what has been
 * written survives the recorder, and others can read the file meanwhile: a lock on it tells
 * them that it grows.
 */
#include "trace/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/coroutine.h"
#include "model/tally.h"
#include "trace/writer.h"

/* Of those that are smaller than this, one every few seconds does not matter. */
#define SMALL_KEYFRAME (UINT64_C(256) << 10)

static int refuse(const char *path, int error, const char *why, struct cs_diag *diag)
{
	cs_diag_set(diag, error, "write %s: %s", path, why);
	cs_diag_hint(diag, "name another file with -o");
	return error;
}

/* Another recording, a folder or a device at PATH is not ours to replace. */
static int remove_old(const char *path, struct cs_diag *diag)
{
	struct stat status;
	int fd;

	if (lstat(path, &status))
		return errno == ENOENT ? 0 : refuse(path, -errno, strerror(errno), diag);
	if (!S_ISREG(status.st_mode))
		return refuse(path, -EEXIST, "it exists and is not a regular file", diag);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0) {
		bool busy = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;

		close(fd);
		if (busy)
			return refuse(path, -EBUSY, "another recording is writing it", diag);
	}
	if (unlink(path) && errno != ENOENT)
		return refuse(path, -errno, strerror(errno), diag);
	return 0;
}

static int create_file(const char *path, struct cs_diag *diag)
{
	int error = remove_old(path, diag);
	int fd;

	if (error)
		return error;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return refuse(path, -errno, strerror(errno), diag);
	/* File systems without locks exist: there a growing file just looks cut short. */
	(void)flock(fd, LOCK_EX | LOCK_NB);
	return fd;
}

static int write_start(struct cs_trace_writer *writer, const struct cs_trace_session *session)
{
	struct cs_file_header head = {
		.version = CS_TRACE_VERSION,
		.bytes = sizeof(head),
	};
	int error;

	memcpy(head.magic, CS_TRACE_MAGIC, sizeof(head.magic));
	error = cs_chunk_writer_raw(&writer->chunks, &head, sizeof(head));
	if (error)
		return error;
	cs_encode_begin(&writer->encoder, CS_CHUNK_SESSION, 0, 0);
	cs_encode_fields(&writer->encoder, CS_TRACE_SESSION, cs_session_fields, session);
	return cs_encode_end(&writer->encoder);
}

static void writer_free(struct cs_trace_writer *writer)
{
	close(writer->chunks.fd);
	cs_chunk_writer_free(&writer->chunks);
	cs_encoder_free(&writer->encoder);
	cs_encoder_free(&writer->losses);
	cs_encoder_free(&writer->events);
	free(writer->slots.hashes);
	cs_bound_free(&writer->bound);
	free(writer->path);
	free(writer);
}

struct cs_trace_writer *cs_trace_create(const char *path, const struct cs_trace_session *session,
                                        struct cs_diag *diag)
{
	struct cs_trace_writer *writer;
	int fd = create_file(path, diag);
	int error;

	if (fd < 0)
		return NULL;
	writer = calloc(1, sizeof(*writer));
	if (!writer) {
		cs_diag_set(diag, -ENOMEM, "write %s: not enough memory", path);
		close(fd);
		return NULL;
	}
	error = cs_chunk_writer_init(&writer->chunks, fd, 0, 0);
	writer->encoder.out = &writer->chunks;
	writer->losses.out = &writer->chunks;
	writer->events.out = &writer->chunks;
	cs_encode_begin(&writer->events, CS_CHUNK_EVENTS, 0, 0);
	cs_encode_begin(&writer->losses, CS_CHUNK_LOSSES, 0, 0);
	writer->path = strdup(path);
	if (!error && !writer->path)
		error = -ENOMEM;
	if (!error)
		error = write_start(writer, session);
	if (!error)
		error = cs_bound_start(&writer->bound, &writer->chunks, path, session);
	if (error) {
		cs_diag_set(diag, error, "write %s: %s", path, strerror(-error));
		unlink(path);
		writer_free(writer);
		return NULL;
	}
	return writer;
}

struct visit {
	struct cs_encoder *encoder;
	const struct cs_model *model;
	struct cs_known_slots *slots;
};

static void visit_process(void *context, uint32_t id)
{
	struct visit *visit = context;

	cs_encode_process(visit->encoder, visit->model, id);
}

static void visit_thread(void *context, uint32_t id)
{
	struct visit *visit = context;

	cs_encode_thread(visit->encoder, visit->model, id);
}

static void visit_cell(void *context, uint32_t id)
{
	struct visit *visit = context;

	cs_encode_cell(visit->encoder, visit->model, id);
}

static void visit_coroutine(void *context, uint32_t id)
{
	struct visit *visit = context;

	cs_encode_coroutine(visit->encoder, visit->slots, visit->model, id, false);
}

static void visit_tally(void *context, uint32_t id)
{
	struct visit *visit = context;

	cs_encode_tally(visit->encoder, visit->model, id);
}

static void visit_figure(void *context, uint32_t id)
{
	struct visit *visit = context;

	cs_encode_figure(visit->encoder, visit->model, id);
}

static void write_definitions(struct cs_trace_writer *writer, struct cs_model *model, uint64_t now)
{
	/* A reader that has lost definitions needs a frame to say so. No memory: no such frame. */
	if (!writer->counts.frames)
		(void)cs_model_frame(model, CS_MODULE_NONE, CS_FRAME_LOST);
	cs_encode_begin(&writer->encoder, CS_CHUNK_DEFS, writer->last_ns, now);
	cs_encode_definitions(&writer->encoder, model, &writer->counts);
	(void)cs_encode_end(&writer->encoder);
}

static void write_losses(struct cs_trace_writer *writer, uint64_t now)
{
	if (!writer->has_losses)
		return;
	writer->losses.head.to_ns = now;
	(void)cs_encode_end(&writer->losses);
	cs_encode_begin(&writer->losses, CS_CHUNK_LOSSES, now, now);
	writer->has_losses = false;
}

static void write_events(struct cs_trace_writer *writer, uint64_t now)
{
	if (writer->events.head.to_ns < now)
		writer->events.head.to_ns = now;
	(void)cs_encode_end(&writer->events);
	cs_encode_begin(&writer->events, CS_CHUNK_EVENTS, now, now);
}

/* Time never runs back in a file, whatever the model's does. */
static uint64_t time_of(const struct cs_trace_writer *writer, const struct cs_model *model)
{
	uint64_t now = cs_model_now(model);

	return now > writer->last_ns ? now : writer->last_ns;
}

int cs_trace_write_tick(struct cs_trace_writer *writer, struct cs_model *model)
{
	struct visit visit = {&writer->encoder, model, &writer->slots};
	uint64_t now = time_of(writer, model);

	if (writer->chunks.error)
		return writer->chunks.error;
	write_definitions(writer, model, now);
	cs_encode_begin(&writer->encoder, CS_CHUNK_DELTAS, writer->last_ns, now);
	/* Processes first: whether a cell's peak still counts depends on its process. Coroutines
	 * before threads, which name those that they run. */
	cs_model_take_dirty_processes(model, visit_process, &visit);
	cs_model_take_dirty_coroutines(model, visit_coroutine, &visit);
	cs_model_take_dirty_threads(model, visit_thread, &visit);
	cs_model_take_dirty_cells(model, visit_cell, &visit);
	cs_model_take_dirty_tallies(model, visit_tally, &visit);
	cs_model_take_dirty_figures(model, visit_figure, &visit);
	(void)cs_encode_end(&writer->encoder);
	write_losses(writer, now);
	write_events(writer, now);
	cs_model_sweep_coroutines(model);
	writer->last_ns = now;
	if (writer->wants_keyframe && !writer->chunks.error) {
		writer->wants_keyframe = false;
		(void)cs_trace_write_keyframe(writer, model);
	}
	if (cs_bound_is_on(&writer->bound) && !writer->chunks.error &&
	    cs_bound_wants_keyframe(&writer->bound, now))
		(void)cs_trace_write_keyframe(writer, model);
	return writer->chunks.error;
}

bool cs_trace_keyframe_pays(const struct cs_trace_writer *writer)
{
	return writer->keyframe_bytes < SMALL_KEYFRAME ||
	       cs_bound_position(&writer->bound) - writer->keyframe_end >= writer->keyframe_bytes;
}

static void put_beside_heap(struct cs_trace_writer *writer, const struct cs_model *model)
{
	for (uint32_t id = 1; id <= cs_model_tally_count(model); id++)
		if (cs_model_tally_at(model, id)->value || cs_model_tally_at(model, id)->samples)
			cs_encode_tally(&writer->encoder, model, id);
	for (uint32_t id = 1; id <= cs_model_figure_count(model); id++)
		if (cs_model_figure_at(model, id)->known)
			cs_encode_figure(&writer->encoder, model, id);
}

static bool has_sum(const struct cs_cell *cell)
{
	return cell->sum.samples || cell->sum.alloc_objects || cell->sum.alloc_bytes;
}

int cs_trace_write_keyframe(struct cs_trace_writer *writer, struct cs_model *model)
{
	uint64_t now = time_of(writer, model), before;

	if (writer->chunks.error)
		return writer->chunks.error;
	if (cs_bound_is_on(&writer->bound) && writer->bound.keyframe_ns == now &&
	    writer->bound.keyframe_end == writer->chunks.offset)
		return 0; /* there is one already */
	write_definitions(writer, model, now);
	before = cs_bound_position(&writer->bound);
	cs_encode_begin(&writer->encoder, CS_CHUNK_KEYFRAME, now, now);
	for (uint32_t id = 1; id <= cs_model_process_count(model); id++)
		cs_encode_process(&writer->encoder, model, id);
	for (uint32_t id = 1; id <= cs_model_coroutine_slots(model); id++)
		cs_encode_coroutine(&writer->encoder, &writer->slots, model, id, true);
	for (uint32_t id = 1; id <= cs_model_thread_count(model); id++)
		cs_encode_thread(&writer->encoder, model, id);
	for (uint32_t id = 1; id <= cs_model_cell_count(model); id++)
		if (has_sum(cs_model_cell_at(model, id)))
			cs_encode_cell(&writer->encoder, model, id);
	put_beside_heap(writer, model);
	if (cs_encode_end(&writer->encoder))
		return writer->chunks.error;
	writer->keyframe_end = cs_bound_position(&writer->bound);
	writer->keyframe_bytes = writer->keyframe_end - before;
	if (!cs_bound_is_on(&writer->bound))
		return 0;
	cs_bound_keyframe(&writer->bound, now, before);
	/* Without room for a shorter copy the file stays longer than it need be. */
	(void)cs_bound_trim(&writer->bound, now, false);
	return 0;
}

/* Names for which there is no room must not cost the trace its end: they are measured first. */
static int room_for_symbols(struct cs_trace_writer *writer, const struct cs_model *model,
                            const struct cs_symbols *symbols)
{
	struct cs_chunk_writer scratch;
	struct cs_encoder encoder = {.out = &scratch};
	int fd = memfd_create("names", MFD_CLOEXEC);
	int error = fd < 0 ? -errno : cs_chunk_writer_init(&scratch, fd, 0, 0);

	if (fd < 0)
		return error;
	if (!error) {
		cs_encode_begin(&encoder, CS_CHUNK_SYMBOLS, 0, 0);
		cs_encode_symbols(&encoder, model, symbols);
		error = cs_encode_end(&encoder);
		cs_encoder_free(&encoder);
	}
	if (!error)
		error = cs_bound_room(&writer->bound, scratch.offset);
	cs_chunk_writer_free(&scratch);
	close(fd);
	return error;
}

int cs_trace_write_symbols(struct cs_trace_writer *writer, const struct cs_model *model,
                           const struct cs_symbols *symbols)
{
	int error = writer->chunks.error;

	if (!error && cs_bound_is_on(&writer->bound))
		error = room_for_symbols(writer, model, symbols);
	if (error)
		return error;
	cs_encode_begin(&writer->encoder, CS_CHUNK_SYMBOLS, writer->last_ns, writer->last_ns);
	cs_encode_symbols(&writer->encoder, model, symbols);
	return cs_encode_end(&writer->encoder);
}

int cs_trace_write_loss(struct cs_trace_writer *writer, uint32_t process, uint64_t from_ns,
                        uint64_t to_ns, uint64_t events)
{
	struct cs_trace_loss loss = {process, from_ns, to_ns, events};

	if (writer->chunks.error)
		return writer->chunks.error;
	cs_encode_fields(&writer->losses, CS_TRACE_LOSS, cs_loss_fields, &loss);
	writer->has_losses = true;
	return writer->chunks.error;
}

int cs_trace_write_event(struct cs_trace_writer *writer, const struct cs_trace_event *event)
{
	struct cs_chunk_header *head = &writer->events.head;

	if (writer->chunks.error)
		return writer->chunks.error;
	if (event->time_ns > head->to_ns)
		head->to_ns = event->time_ns;
	if (event->time_ns < head->from_ns)
		head->from_ns = event->time_ns;
	cs_encode_event(&writer->events, event);
	return writer->chunks.error;
}

uint64_t cs_trace_bytes(const struct cs_trace_writer *writer)
{
	return writer->chunks.offset;
}

uint64_t cs_trace_last_ns(const struct cs_trace_writer *writer)
{
	return writer->last_ns;
}

uint64_t cs_trace_kept_from(const struct cs_trace_writer *writer)
{
	return writer->bound.session.kept_from_ns;
}

void cs_trace_hold(struct cs_trace_writer *writer, bool hold)
{
	writer->bound.held = hold;
}

void cs_trace_ending(struct cs_trace_writer *writer)
{
	if (cs_bound_is_on(&writer->bound) && !writer->chunks.error)
		(void)cs_bound_trim(&writer->bound, writer->last_ns, true);
}

int cs_trace_finish(struct cs_trace_writer *writer, const struct cs_trace_summary *summary,
                    struct cs_diag *diag)
{
	uint64_t end = writer->last_ns;
	int error;

	write_losses(writer, end);
	write_events(writer, end);
	cs_trace_ending(writer);
	if (summary && summary->duration_ns > end)
		end = summary->duration_ns;
	if (summary) {
		cs_encode_begin(&writer->encoder, CS_CHUNK_SUMMARY, end, end);
		cs_encode_fields(&writer->encoder, CS_TRACE_SUMMARY, cs_summary_fields, summary);
		(void)cs_encode_end(&writer->encoder);
	}
	error = writer->chunks.error ? writer->chunks.error : cs_chunk_write_index(&writer->chunks);
	if (error) {
		cs_diag_set(diag, error, "write %s: %s", writer->path, strerror(-error));
		cs_diag_hint(diag, "it holds everything up to %.3f s and can be read",
		             (double)writer->last_ns / 1e9);
	}
	writer_free(writer);
	return error;
}
