/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of a trace that is being written; shared by the files that write, nobody else
 * includes it.
 */
#ifndef CS_TRACE_WRITER_H
#define CS_TRACE_WRITER_H

#include "trace/bound.h"
#include "trace/encode.h"

struct cs_trace_writer {
	struct cs_chunk_writer chunks;
	struct cs_bound bound;
	struct cs_encoder encoder;
	struct cs_encoder losses; /* collects until the next tick */
	struct cs_encoder events; /* likewise, or until a chunk is full */
	struct cs_known_slots slots;
	struct cs_trace_counts counts;
	uint64_t last_ns;        /* end of the last tick */
	uint64_t keyframe_bytes; /* of the last one … */
	uint64_t keyframe_end;   /* … and the position behind it (cs_bound_position) */
	bool has_losses;
	bool wants_keyframe; /* behind the next tick */
	char *path;
};

#endif
