/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks of parked coroutines, from outside: their saved contexts and stacks are read in
 * batches, walked, and become nodes of the model. The target is never stopped; what has moved
 * on meanwhile is told apart by asking its slot again.
 */
#ifndef CS_SOURCE_PARKED_H
#define CS_SOURCE_PARKED_H

#include "model/model.h"
#include "source/slots.h"

struct cs_parked;

/* Told of modules that the model did not know: as cs_agent_world.on_module. */
typedef void cs_parked_on_module(void *context, uint32_t module, int fd, const char *path);

struct cs_parked_options {
	uint32_t pid;
	struct cs_model *model;
	cs_parked_on_module *on_module; /* may be NULL */
	void *context;
};

/* NULL: no memory. */
struct cs_parked *cs_parked_new(const struct cs_parked_options *options);
void cs_parked_free(struct cs_parked *parked);

/* Once before each round of walks: maps may have changed. 0 or -errno (-ESRCH, -EPERM …). */
int cs_parked_begin(struct cs_parked *parked);

/* At most so many at once. */
#define CS_PARKED_BATCH 256u

struct cs_parked_stack {
	uint32_t node; /* 0: nothing is known of it */
	bool cut;
	bool moved;    /* it has run meanwhile: nothing of this holds */
	uint64_t used; /* bytes from its stack pointer to its end; CS_UNKNOWN */
};

/* Walks COPIES (parked ones; others get node 0) of SLOTS. 0; -ESRCH or -EPERM: none was read. */
int cs_parked_walk(struct cs_parked *parked, struct cs_slots *slots,
                   const struct cs_slot_copy *copies, uint32_t count,
                   struct cs_parked_stack *stacks);

/* The frame of code at ADDRESS; 0: no memory. */
uint32_t cs_parked_frame(struct cs_parked *parked, uint64_t address);

/* Mappings of the process at the last begin. */
uint64_t cs_parked_mappings(const struct cs_parked *parked);

#endif
