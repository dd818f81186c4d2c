/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a story that is about coroutines, tallies and figures. */
#ifndef CS_TEST_STORY_COROUTINES_H
#define CS_TEST_STORY_COROUTINES_H

#include "model/model.h"
#include "trace/trace.h"

struct coroutine_stage {
	struct cs_model *model;
	uint64_t seed;
	unsigned told; /* events */
};

/* What happens in one tick, at the model's time. WRITER may be NULL. */
void coroutine_tick(struct coroutine_stage *stage, struct cs_trace_writer *writer, unsigned events);

/* Fails the test unless both are the same, whatever slots they use. */
void coroutines_assert_same(const struct cs_model *loaded, const struct cs_model *model);

#endif
