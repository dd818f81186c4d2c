/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace that keeps its end: no larger than so many bytes, no longer than so much time. What
 * is older than a keyframe is dropped by writing the rest into a new file that takes the old
 * one's name at once, so that whoever opens the trace, or finds it after a crash, has a whole
 * one. Definitions are kept: what is left still refers to them.
 */
#ifndef CS_TRACE_BOUND_H
#define CS_TRACE_BOUND_H

#include "trace/chunk.h"
#include "trace/trace.h"

struct cs_bound {
	struct cs_chunk_writer *chunks; /* its file is replaced by a shorter one */
	char *path;
	struct cs_trace_session session; /* what the new file's first chunk says */
	uint64_t keyframe_ns;            /* time of the last whole keyframe */
	uint64_t keyframe_end;           /* where in the file it ends … */
	uint64_t keyframe_bytes;         /* … and how long it is */
	uint64_t dropped_bytes;          /* in all */
	bool at_end;                     /* no more is coming: nothing is kept free for it */
	bool held;                       /* nothing is dropped for its age */
};

/* 0 or -ENOMEM. CHUNKS must outlive the bound, and asks it for room from now on. */
int cs_bound_start(struct cs_bound *bound, struct cs_chunk_writer *chunks, const char *path,
                   const struct cs_trace_session *session);
void cs_bound_free(struct cs_bound *bound);
bool cs_bound_is_on(const struct cs_bound *bound);

/* Without a keyframe now and then nothing could be dropped. */
bool cs_bound_wants_keyframe(const struct cs_bound *bound, uint64_t now_ns);
/* It has been written, from POSITION on. */
void cs_bound_keyframe(struct cs_bound *bound, uint64_t time_ns, uint64_t position);
/* Where the file ends, counting what was dropped. */
uint64_t cs_bound_position(const struct cs_bound *bound);

/* Drops what is older than it need be: when that is much, or whatever there is AT_END. */
int cs_bound_trim(struct cs_bound *bound, uint64_t now_ns, bool at_end);

/* Makes room for BYTES more. 0, or -EFBIG: even the least is too large; or -errno. */
int cs_bound_room(struct cs_bound *bound, uint64_t bytes);

#endif
