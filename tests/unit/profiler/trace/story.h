/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A story: a session made up from a seed, with processes that fork and end, threads, code and
 * a heap. Played to tick N it gives the model at that time, the same one every time, and can
 * be written to a trace on the way.
 */
#ifndef CS_TEST_STORY_H
#define CS_TEST_STORY_H

#include "model/model.h"
#include "model/symbols.h"
#include "trace/trace.h"

#define STORY_TICK_NS UINT64_C(100000000)

struct story {
	uint64_t seed;
	unsigned ticks;
	unsigned keyframe_every; /* 0: none */
	uint64_t mean;
	unsigned events;     /* of the heap, in each tick */
	unsigned code;       /* distinct stacks */
	unsigned coroutines; /* events of them, in each tick; 0: there are none */
	bool unfinished;     /* the recorder died: no symbols, summary, index */
};

struct story_file {
	unsigned char *bytes;
	size_t size;
};

/* The model after TICKS ticks. WRITER may be NULL. */
struct cs_model *story_play(const struct story *story, unsigned ticks,
                            struct cs_trace_writer *writer);
/* Names for the frames of MODEL. */
struct cs_symbols *story_symbols(const struct cs_model *model);
/* The trace of the whole story. */
struct story_file story_record(const struct story *story);
void story_write(const struct story *story, const char *path);

/* Fails the test unless both are the same to everyone who looks. */
void story_assert_same(const struct cs_model *loaded, const struct cs_model *model);

struct story_file story_read_file(const char *path);
/* Opens bytes as a trace; NULL as cs_trace_open(). */
struct cs_trace *story_open(struct story_file file, struct cs_diag *diag);
struct story_file story_copy(struct story_file file);
/* The model at TIME_NS; fails the test if it can't be loaded. SYMBOLS may be NULL. */
struct cs_model *story_load(struct cs_trace *trace, uint64_t time_ns, struct cs_symbols *symbols);
/* The trace of STORY is whole and gives, at each tick, the model of that tick. */
void story_check_every_tick(const struct story *story);

#endif
