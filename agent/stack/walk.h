/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of one thread's stack walks: the last stack, outermost frame first, so that the
 * part which has not changed since is verified and reused instead of walked again, and the
 * walk that is under way.
 * Private to stack/ but for its size: it is a part of struct csa_thread. All zero at first.
 */
#ifndef CSA_STACK_WALK_H
#define CSA_STACK_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "stack/memo.h"
#include "wire/session.h"

/* The frames of a stack and its marks: cut and guessed. */
#define CSA_WALK_FRAMES (CS_STACK_DEPTH_MAX + 2)
#define CSA_WALK_CHECKS 4
#define CSA_WALK_WINDOW 4096u
#define CSA_WALK_WINDOWS_MAX 16 /* bytes copied for one walk: 64 KiB */

struct csa_walk_frame {
	uint64_t pc; /* a return address, or enum cs_pc_mark */
	uint64_t sp; /* the frame's stack pointer on return to pc */
	uint64_t bp;
	uint64_t pc_slot; /* where pc was loaded from; 0 while walking: from nowhere … */
	uint64_t bp_slot; /* … and once it is remembered, that means its own field above */
	uint64_t hash;    /* cs_stack_hash of the path down to here */
};

/*
 * What else has to be as it was: a CFA that was loaded from memory on the way to the frame
 * that has `outer - 1` others outside of it; or, with outer 0, the return address 0 that
 * ended the walk.
 */
struct csa_walk_check {
	uint64_t slot;
	uint64_t value;
	uint32_t outer; /* while walking: frames noted so far */
};

struct csa_walk {
	/*
	 * The last stack. Of `count` frames, the first `reusable` follow from what their slots
	 * hold; what is inside of them was cut, guessed, or is no memory of this stack. 0 while
	 * it is being rewritten: whoever jumps out of a handler leaves no half of a stack.
	 */
	uint32_t count;
	uint32_t reusable;
	uint32_t check_count;
	uint64_t epoch;
	uint64_t high; /* end of the stack that holds all slots of reusable frames */
	struct csa_walk_check checks[CSA_WALK_CHECKS];

	/* The walk under way. */
	bool pending;     /* it needs the cold path */
	bool foreign;     /* not on the stack [low, high): nothing is read directly */
	bool interrupted; /* at an interrupted instruction: data may lie below sp */
	bool guessed;
	bool may_not_guess;
	bool cut;
	uint32_t fresh_count;
	uint32_t barrier; /* so many of them, innermost first, can't be reused */
	uint32_t match;   /* candidates for a match are the frames before this one */
	uint32_t fresh_check_count;
	uint64_t low;
	uint64_t pc;
	uint64_t sp;
	uint64_t bp;
	uint64_t pc_slot;
	uint64_t bp_slot;
	uint64_t window_start; /* copy of foreign memory, empty if both are equal */
	uint64_t window_end;
	uint32_t windows;

	struct csa_walk_check fresh_checks[CSA_WALK_CHECKS];
	struct csa_walk_frame frames[CSA_WALK_FRAMES];
	struct csa_walk_frame fresh[CSA_WALK_FRAMES]; /* innermost first */
	uint64_t window[CSA_WALK_WINDOW / 8];

	struct csa_memo_place place; /* of the last search for a stack that needs no walk */
};

/* Frames of a stack, 1 to CS_STACK_DEPTH_MAX; deeper ones are cut. */
extern uint32_t csa_walk_depth_max __attribute__((visibility("hidden")));

/*
 * Walks from *AT. [LOW, HIGH) is memory that can be read as long as the caller runs on it:
 * the thread's own stack, or the coroutine's; 0, 0 if nothing is known. Returns true when the
 * stack is in walk->frames; false: csa_walk_finish() has to go on with it.
 * Async-signal-safe but for walks of the same thread. Uses under 300 bytes of stack.
 */
bool csa_walk(struct csa_walk *walk, const struct csa_frame *at, uint64_t low, uint64_t high);

/* The cold path, on the agent's own stack: asks the loader where it must. */
void csa_walk_finish(struct csa_walk *walk);

#endif
