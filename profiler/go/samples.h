/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For sources that take samples of a Go process's threads: whose code that was, in the words
 * of the model. An observation comes from the observer's open(); its model must be the one that
 * the samples go to. One thread at a time, never during a look.
 */
#ifndef CS_GO_SAMPLES_H
#define CS_GO_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "source/observe.h"

extern const struct cs_observer cs_go_observer;

/*
 * The slot of the goroutine whose struct G was in the register that holds it (r14), and on
 * whose stack SP lies; made when it is new. Where the thread was on a stack of its own (g0):
 * the goroutine that it works for. 0: none, or what was sampled is gone.
 */
uint32_t cs_go_sample_coroutine(struct cs_observation *observation, uint64_t g, uint64_t sp);

/* The slot of the goroutine that the thread TID (as we see it) runs now; 0: none. */
uint32_t cs_go_sample_current(struct cs_observation *observation, uint32_t tid);

/* True when PC lies in Go's code. */
bool cs_go_sample_is_go(struct cs_observation *observation, uint64_t pc);

/*
 * The frame of PC, named; wrappers too have one. EXACT: it is the sampled instruction itself,
 * else a return address. 0: not Go's.
 */
uint32_t cs_go_sample_frame(struct cs_observation *observation, uint64_t pc, bool exact);

/*
 * The node of a callchain, innermost first, of COUNT addresses: the first is the sampled
 * instruction, the others are return addresses. Ends at the first that is not Go's; OUTER is
 * what lies outside of that, 0 nothing.
 */
uint32_t cs_go_sample_node(struct cs_observation *observation, const uint64_t *chain,
                           uint32_t count, uint32_t outer);

/*
 * The node of a sampled stack: PC and SP of the thread, and a COPY of BYTES from SP on. Better
 * than a callchain, which lacks the caller of a function that has no frame. 0: it is not all
 * Go's, its outer part is not in the copy, or it has fewer than LEAST frames: a thread's own
 * stack ends where the chain goes on to the goroutine's.
 */
uint32_t cs_go_sample_stack(struct cs_observation *observation, uint64_t pc, uint64_t sp,
                            const void *copy, uint64_t bytes, uint32_t least);

/*
 * The node of the stack of the goroutine at G as it is now, walked from PC and SP (both 0: from
 * where it last stopped). Right when it stands still. 0: not walkable.
 */
uint32_t cs_go_sample_unwind(struct cs_observation *observation, uint64_t g, uint64_t pc,
                             uint64_t sp);

#endif
