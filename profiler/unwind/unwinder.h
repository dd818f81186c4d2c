/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the stacks of another process, from outside and without stopping it: from registers
 * and a copy of the stack, by the unwind information of the files that are mapped there.
 *
 * Rules are kept by address of code, so that a walk costs some ten nanoseconds a frame once
 * its code has been met: a million parked coroutines are a matter of a second.
 *
 * The target may be hostile, and what is walked may change meanwhile: a walk ends, reads
 * nothing outside of the stack, and where it can't go on it is cut. One thread at a time.
 */
#ifndef CS_UNWIND_UNWINDER_H
#define CS_UNWIND_UNWINDER_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind/mappings.h"
#include "unwind/registers.h"

struct cs_unwinder;

struct cs_unwinder_options {
	uint32_t pid;
	/* Opens the file of MAPPING; -1: it can't be had. */
	int (*open_file)(void *context, const struct cs_mapping *mapping);
	void *context;
};

/* Maps are read at the first walk. NULL: no memory. */
struct cs_unwinder *cs_unwinder_new(const struct cs_unwinder_options *options);
void cs_unwinder_free(struct cs_unwinder *unwinder);

/* Reads the maps again: once before each look at the process. 0 or -errno. */
int cs_unwinder_refresh(struct cs_unwinder *unwinder);
/* Differs when code is mapped otherwise than before. */
uint32_t cs_unwinder_serial(const struct cs_unwinder *unwinder);
const struct cs_mappings *cs_unwinder_mappings(const struct cs_unwinder *unwinder);

/*
 * A stack: its bounds (0, 0: unknown), and a copy of a part of it, which may be empty. What
 * lies outside of the copy is read from the process when it is needed.
 */
struct cs_unwinder_stack {
	uint64_t low, high;
	uint64_t copy_address;
	uint32_t copy_bytes;
	const void *copy;
};

#define CS_UNWINDER_FRAMES 256u

struct cs_unwinder_frames {
	uint32_t count;
	bool cut;    /* the outermost frame was not reached */
	bool beyond; /* memory outside of the copy was read, later than it */
	/* Innermost first, to be looked up as they are: of return addresses the byte before. */
	uint64_t address[CS_UNWINDER_FRAMES];
};

/* EXACT: the registers are those of an instruction to be run next that no call precedes (a
 * coroutine that has never run, an interrupted thread); else of one that a call returns to. */
void cs_unwinder_walk(struct cs_unwinder *unwinder, const struct cs_registers *start, bool exact,
                      const struct cs_unwinder_stack *stack, struct cs_unwinder_frames *frames);

/* Where an address lies: the index of a mapping, and the address in its file's own terms. */
struct cs_unwinder_place {
	int32_t mapping; /* -1: in none */
	uint64_t offset;
	const uint8_t *build_id; /* NULL: the file has none, or can't be read */
	uint32_t build_id_bytes;
};

void cs_unwinder_place(struct cs_unwinder *unwinder, uint64_t address,
                       struct cs_unwinder_place *place);

#endif
