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
/* The same for a Go library in a program of another language, which others may know better. */
extern const struct cs_observer cs_go_library_observer;

/* What a sample says of the thread TID (as we see it); a COPY of BYTES of its stack. */
struct cs_go_sampled {
	uint32_t tid;
	bool has_registers;
	uint64_t r14; /* in Go's code it holds the goroutine's struct */
	const void *copy;
	uint64_t bytes;
};

/*
 * The slot of the goroutine that was sampled, made when it is new, and in *G where its struct
 * is; 0: none. On a thread's own stack (g0) it is the one that the thread works for; in C the
 * one that has called it: its struct is in the register as long as C leaves it there, and on
 * the stack where Go's code was left. Where neither says it, it is who is there by now.
 */
uint32_t cs_go_sample_coroutine(struct cs_observation *observation,
                                const struct cs_go_sampled *sampled, uint64_t *g);

/*
 * The node of the stack of the goroutine at G, which is in C or in a system call, as it left
 * Go's code. 0: it is in Go's code by now.
 */
uint32_t cs_go_sample_outside(struct cs_observation *observation, uint64_t g);

/* True when PC lies in Go's code. */
bool cs_go_sample_is_go(struct cs_observation *observation, uint64_t pc);

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

#endif
