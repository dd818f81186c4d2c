/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying is by chunk and without looking inside: each goes on with a new number. What is
 * dropped is half of the bound at a time, so each byte is copied about once.
 */
#include "trace/bound.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/checksum.h"
#include "trace/encode.h"
#include "trace/fields.h"

/* Keyframes are not written more often than this for the sake of a short --last. */
#define KEYFRAME_MIN_NS UINT64_C(100000000)

/* While more is coming, this part of the bound is kept free for summary and index. */
#define RESERVE_PART 32

/* ---- life ---- */

/* The texts are the caller's: ours are copies. */
static int keep_session(struct cs_trace_session *to, const struct cs_trace_session *from)
{
	struct cs_buffer buffer = {0};
	struct cs_cursor cursor;
	bool good;

	cs_fields_put(&buffer, cs_session_fields, from);
	cursor = cs_cursor_over(buffer.data, buffer.size);
	good = !buffer.error && cs_fields_get(&cursor, cs_session_fields, to);
	cs_buffer_free(&buffer);
	return good ? 0 : -ENOMEM;
}

static int ask_for_room(void *context, uint64_t bytes)
{
	return cs_bound_room(context, bytes);
}

int cs_bound_start(struct cs_bound *bound, struct cs_chunk_writer *chunks, const char *path,
                   const struct cs_trace_session *session)
{
	memset(bound, 0, sizeof(*bound));
	bound->chunks = chunks;
	if (!session->max_bytes && !session->last_ns)
		return 0;
	bound->path = strdup(path);
	if (!bound->path || keep_session(&bound->session, session))
		return -ENOMEM;
	bound->keyframe_end = chunks->offset;
	chunks->make_room = ask_for_room;
	chunks->context = bound;
	return 0;
}

void cs_bound_free(struct cs_bound *bound)
{
	cs_fields_free(cs_session_fields, &bound->session);
	free(bound->path);
}

bool cs_bound_is_on(const struct cs_bound *bound)
{
	return bound->path != NULL;
}

/* ---- keyframes ---- */

bool cs_bound_wants_keyframe(const struct cs_bound *bound, uint64_t now_ns)
{
	uint64_t since_ns = now_ns - bound->keyframe_ns;
	uint64_t since_bytes = bound->chunks->offset - bound->keyframe_end;
	uint64_t max = bound->session.max_bytes;
	uint64_t last = bound->session.last_ns;

	if (last && since_ns >= KEYFRAME_MIN_NS && since_ns >= last / 8)
		return true;
	/* Of a file that is full of keyframes little would be kept. */
	return max && since_bytes > max / 8 && since_bytes > bound->keyframe_bytes;
}

uint64_t cs_bound_position(const struct cs_bound *bound)
{
	return bound->chunks->offset + bound->dropped_bytes;
}

void cs_bound_keyframe(struct cs_bound *bound, uint64_t time_ns, uint64_t position)
{
	bound->keyframe_ns = time_ns;
	bound->keyframe_end = bound->chunks->offset;
	bound->keyframe_bytes = cs_bound_position(bound) - position;
}

/* ---- what is there ---- */

/* Defines what later chunks refer to. */
static bool is_needed(const struct cs_chunk_header *head)
{
	return head->kind == CS_CHUNK_DEFS || head->kind == CS_CHUNK_SYMBOLS;
}

static bool is_written_anew(const struct cs_chunk_header *head)
{
	return head->kind == CS_CHUNK_SESSION || head->kind == CS_CHUNK_INDEX;
}

static int read_at(int fd, uint64_t offset, void *bytes, size_t size)
{
	char *at = bytes;

	while (size > 0) {
		ssize_t done = pread(fd, at, size, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) /* somebody has cut it */
			return done < 0 ? -errno : -EIO;
		at += done;
		offset += (uint64_t)done;
		size -= (size_t)done;
	}
	return 0;
}

/* Goes from chunk to chunk of the file that is being written. */
struct walk {
	int fd;
	uint64_t offset, end;
	struct cs_chunk_header head;
};

static struct walk walk_from(const struct cs_bound *bound)
{
	return (struct walk){
		.fd = bound->chunks->fd,
		.offset = sizeof(struct cs_file_header),
		.end = bound->chunks->offset,
	};
}

/* 1: head and offset are the next chunk's; 0: no more; -errno. */
static int walk_next(struct walk *walk, bool first)
{
	int error;

	if (!first)
		walk->offset += sizeof(walk->head) + walk->head.stored_bytes;
	if (walk->offset + sizeof(walk->head) > walk->end)
		return 0;
	error = read_at(walk->fd, walk->offset, &walk->head, sizeof(walk->head));
	if (!error && (!cs_chunk_is_header(&walk->head) ||
	               walk->head.stored_bytes > walk->end - walk->offset - sizeof(walk->head)))
		error = -EIO;
	return error ? error : 1;
}

/* ---- where to cut ---- */

struct cut {
	uint64_t offset; /* of the keyframe's first chunk; 0: none was found */
	uint64_t time_ns;
	uint64_t size; /* of the file that begins there */
};

/* The oldest keyframe is good that leaves at most SIZE bytes, and begins not before TIME_NS if
 * that is possible; else the last one there is. */
static int find_cut(const struct cs_bound *bound, uint64_t size, uint64_t time_ns, struct cut *cut)
{
	struct walk walk = walk_from(bound);
	uint64_t needed = sizeof(struct cs_file_header), start = 0, needed_then = 0;
	struct cut late = {0}; /* the last one that is at or before TIME_NS */
	int more;

	*cut = (struct cut){0};
	for (more = walk_next(&walk, true); more == 1; more = walk_next(&walk, false)) {
		uint64_t bytes = sizeof(walk.head) + walk.head.stored_bytes;

		if (walk.head.kind == CS_CHUNK_KEYFRAME && walk.head.flags & CS_CHUNK_FIRST) {
			start = walk.offset;
			needed_then = needed;
		}
		if (is_needed(&walk.head) || walk.head.kind == CS_CHUNK_SESSION)
			needed += bytes;
		if (walk.head.kind != CS_CHUNK_KEYFRAME || !(walk.head.flags & CS_CHUNK_LAST) ||
		    !start)
			continue;
		struct cut here = {start, walk.head.to_ns, needed_then + walk.end - start};

		if (here.time_ns <= time_ns)
			late = here;
		if (!cut->offset || cut->size > size)
			*cut = here;
	}
	if (late.offset > cut->offset)
		*cut = late;
	return more;
}

/* ---- the new file ---- */

static int link_name(int fd, const char *hidden)
{
	char from[64];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, from, AT_FDCWD, hidden, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

/* A file beside PATH: without a name where that is possible, else called HIDDEN. */
static int open_new(const char *path, const char *hidden, bool *named)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int fd = folder ? open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;

	free(folder);
	*named = fd < 0;
	if (fd < 0)
		fd = open(hidden, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

static int write_start(struct cs_chunk_writer *to, const struct cs_trace_session *session)
{
	struct cs_file_header head = {.version = CS_TRACE_VERSION, .bytes = sizeof(head)};
	struct cs_encoder encoder = {.out = to};
	int error;

	memcpy(head.magic, CS_TRACE_MAGIC, sizeof(head.magic));
	error = cs_chunk_writer_raw(to, &head, sizeof(head));
	if (error)
		return error;
	cs_encode_begin(&encoder, CS_CHUNK_SESSION, 0, 0);
	cs_encode_fields(&encoder, CS_TRACE_SESSION, cs_session_fields, session);
	error = cs_encode_end(&encoder);
	cs_encoder_free(&encoder);
	return error;
}

static int copy_chunks(const struct cs_bound *bound, const struct cut *cut,
                       struct cs_chunk_writer *to)
{
	struct walk walk = walk_from(bound);
	struct cs_buffer payload = {0};
	int more = walk_next(&walk, true);

	for (; more == 1; more = walk_next(&walk, false)) {
		uint32_t bytes = walk.head.stored_bytes;

		if (is_written_anew(&walk.head) ||
		    (walk.offset < cut->offset && !is_needed(&walk.head)))
			continue;
		cs_buffer_clear(&payload);
		more = cs_buffer_reserve(&payload, bytes ? bytes : 1);
		if (!more)
			more = read_at(walk.fd, walk.offset + sizeof(walk.head), payload.data,
			               bytes);
		if (!more)
			more = cs_chunk_copy(to, walk.head, payload.data);
		if (more)
			break;
	}
	cs_buffer_free(&payload);
	return more;
}

/* Locked before it has a name: readers must see that it grows. */
static int put_in_place(const struct cs_bound *bound, int fd, const char *hidden, bool *named)
{
	int error = 0;

	(void)flock(fd, LOCK_EX | LOCK_NB);
	if (!*named)
		error = link_name(fd, hidden);
	*named = *named || !error;
	if (!error && rename(hidden, bound->path))
		error = -errno;
	if (!error)
		*named = false;
	return error;
}

/* CHUNKS goes on in the file of TO, which takes the old one in return. */
static void change_over(struct cs_chunk_writer *chunks, struct cs_chunk_writer *to)
{
	struct cs_chunk_writer old = *chunks;

	chunks->fd = to->fd;
	chunks->offset = to->offset;
	chunks->number = to->number;
	chunks->index = to->index;
	chunks->last_index_offset = to->last_index_offset;
	to->fd = old.fd;
	to->index = old.index;
}

static int cut_at(struct cs_bound *bound, const struct cut *cut)
{
	struct cs_trace_session session = bound->session; /* texts are shared */
	struct cs_chunk_writer to = {.fd = -1};
	char hidden[4096];
	bool named = false;
	int error, fd;

	if (snprintf(hidden, sizeof(hidden), "%s.%d.tmp", bound->path, (int)getpid()) >=
	    (int)sizeof(hidden))
		return -ENAMETOOLONG;
	fd = open_new(bound->path, hidden, &named);
	if (fd < 0)
		return fd;
	session.kept_from_ns = cut->time_ns;
	error = cs_chunk_writer_init(&to, fd, 0, 0);
	if (!error)
		error = write_start(&to, &session);
	if (!error)
		error = copy_chunks(bound, cut, &to);
	if (!error)
		error = put_in_place(bound, fd, hidden, &named);
	if (!error) {
		uint64_t behind = bound->chunks->offset - bound->keyframe_end;

		bound->dropped_bytes += bound->chunks->offset - to.offset;
		change_over(bound->chunks, &to);
		bound->keyframe_end = bound->chunks->offset - behind;
		bound->session.kept_from_ns = cut->time_ns;
	} else if (named) {
		unlink(hidden);
	}
	close(to.fd);
	cs_chunk_writer_free(&to);
	return error;
}

/* ---- when to cut ---- */

int cs_bound_trim(struct cs_bound *bound, uint64_t now_ns, bool at_end)
{
	uint64_t last = bound->session.last_ns;
	uint64_t kept = now_ns - bound->session.kept_from_ns;
	struct cut cut;
	int error;

	bound->at_end = at_end;
	if (!last || bound->held || kept <= (at_end ? last : last + last / 2))
		return 0;
	error = find_cut(bound, UINT64_MAX, now_ns - last, &cut);
	if (error || !cut.offset || cut.time_ns > now_ns - last ||
	    cut.time_ns <= bound->session.kept_from_ns)
		return error;
	return cut_at(bound, &cut);
}

int cs_bound_room(struct cs_bound *bound, uint64_t bytes)
{
	uint64_t max = bound->session.max_bytes;
	uint64_t limit = bound->at_end ? max : max - max / RESERVE_PART;
	uint64_t aim = max / 2 > bytes ? max / 2 - bytes : 0;
	struct cut cut;
	int error;

	if (!max || bound->chunks->offset + bytes <= limit)
		return 0;
	error = find_cut(bound, aim, 0, &cut);
	if (error)
		return error;
	/* The session's chunk may grow by the bytes of a time. */
	if (!cut.offset || cut.size + bytes + 16 > limit)
		return -EFBIG;
	return cut_at(bound, &cut);
}
