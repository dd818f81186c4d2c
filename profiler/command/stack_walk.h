/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks of sampled threads of native code, which has no frame pointers as a rule: by unwind
 * information, from the registers and the part of the stack that the sample holds.
 */
#ifndef CS_COMMAND_STACK_WALK_H
#define CS_COMMAND_STACK_WALK_H

#include "kernel/profile.h"
#include "unwind/unwinder.h"

struct cs_stack_walk {
	uint32_t pid;
	bool stopped;
	struct cs_unwinder *unwinder; /* made at the first walk */
	uint64_t read_ns;             /* when mappings were read last */
	struct cs_unwinder_frames frames;
};

void cs_stack_walk_start(struct cs_stack_walk *walk, uint32_t pid);
void cs_stack_walk_stop(struct cs_stack_walk *walk);

/*
 * STACK holds the kernel's chain; true: it holds the walked one now. False: it stays, and its
 * callers are guesses. NOW_NS of any clock that goes forward.
 */
bool cs_stack_walk(struct cs_stack_walk *walk, const struct cs_perf_sample *sample, uint64_t now_ns,
                   struct cs_profile_stack *stack);

#endif
