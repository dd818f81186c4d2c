/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU samples into the model: each adds the time it stands for to the tally of its stack, and
 * of the coroutine that ran. What addresses and registers mean is the business of whoever
 * knows the process: a table of hooks.
 */
#ifndef CS_KERNEL_PROFILE_H
#define CS_KERNEL_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/perf_record.h"
#include "model/model.h"

#define CS_PROFILE_FRAMES 256u

/* Whose time it was; 0 where that is not known. */
struct cs_profile_owner {
	uint32_t thread;    /* of the model */
	uint32_t coroutine; /* slot */
	uint32_t spawn;     /* node: where its coroutine was created */
	uint32_t label;     /* text: its coroutine's labels */
};

struct cs_profile_stack {
	uint32_t count;
	uint32_t cut; /* enum cs_frame_mark: why the outermost frame was not reached; 0 it was */
	bool guessed; /* callers were found by frame pointer alone, in code that may have none */
	/* Innermost first, to be looked up as they are: of return addresses the byte before. */
	uint64_t address[CS_PROFILE_FRAMES];
};

struct cs_profile_hooks {
	/* The frame at ADDRESS; 0: no memory. */
	uint32_t (*frame)(void *context, uint64_t address);
	/* NULL, or the node of a whole stack, for who knows more than single addresses; 0: none
	 * can be made, and the time is charged to no stack. Called after owner(). */
	uint32_t (*node)(void *context, const struct cs_perf_sample *sample,
	                 const struct cs_profile_stack *stack);
	/* NULL: nobody is known. Called soon after the sample was taken. */
	void (*owner)(void *context, const struct cs_perf_sample *sample,
	              struct cs_profile_owner *owner);
	/* A better stack than the kernel's chain, which STACK holds; false: there is none. NULL: never. */
	bool (*walk)(void *context, const struct cs_perf_sample *sample,
	             struct cs_profile_stack *stack);
};

struct cs_profile {
	struct cs_model *model;
	uint64_t period_ns;            /* that a sample stands for */
	uint64_t charged_ns;           /* in all */
	uint64_t unbooked;             /* samples that there was no memory for */
	struct cs_profile_stack stack; /* of the sample at hand */
};

void cs_profile_start(struct cs_profile *profile, struct cs_model *model, uint64_t period_ns);

/* A sample of PROCESS (of the model). The node of its stack; 0: none, or no memory. */
uint32_t cs_profile_charge(struct cs_profile *profile, uint32_t process,
                           const struct cs_profile_hooks *hooks, void *context,
                           const struct cs_perf_sample *sample);

#endif
