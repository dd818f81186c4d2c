/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks of goroutines: the table of functions says for each address how far away the return
 * address is, so any copy of a stack can be walked without its process.
 *
 * What an address means is kept in a cache: real programs have thousands of addresses on
 * millions of stacks. One thread at a time.
 */
#ifndef CS_GO_UNWIND_H
#define CS_GO_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/module.h"

#define CS_GO_DEPTH_MAX 512u

enum cs_go_place_flag {
	CS_GO_PLACE_KNOWN = 1,       /* in a function */
	CS_GO_PLACE_TOP = 2,         /* the outermost */
	CS_GO_PLACE_SP_WRITE = 4,    /* can't be unwound through */
	CS_GO_PLACE_RUNTIME = 8,     /* of the runtime, and not what users call it by */
	CS_GO_PLACE_WRAPPER = 16,    /* made by the compiler: not shown */
	CS_GO_PLACE_PANIC = 32,      /* whose caller is shown also when it is a wrapper */
	CS_GO_PLACE_SIGNAL = 64,     /* its caller was interrupted: its address is exact */
	CS_GO_PLACE_PREEMPTED = 128, /* the same, pushed by the runtime to stop a goroutine */
};

/* What an address is. */
struct cs_go_place {
	uint64_t key;      /* pc * 2 + exact; 0: empty */
	uint64_t address;  /* what names it: of a return address, the call before it */
	int32_t delta;     /* bytes from the stack pointer to the return address; -1 unknown */
	uint32_t function; /* index in the table of its module */
	uint32_t frame;    /* of the model; 0: not asked yet, see names.h */
	uint16_t module;
	uint8_t flags;
};

struct cs_go_places {
	const struct cs_go_module *modules;
	uint32_t module_count;
	struct cs_go_place *slots; /* open addressing */
	uint32_t mask, count;
};

int cs_go_places_init(struct cs_go_places *places, const struct cs_go_module *modules,
                      uint32_t module_count);
void cs_go_places_free(struct cs_go_places *places);

/*
 * What PC is. EXACT: it is where a thread is, else it is a return address and stands for the
 * call before it. Holds until the next call of this function. Never NULL.
 */
struct cs_go_place *cs_go_place_of(struct cs_go_places *places, uint64_t pc, bool exact);

struct cs_go_stack {
	uint64_t keys[CS_GO_DEPTH_MAX]; /* innermost first, as cs_go_place.key */
	uint32_t depth;
	bool complete; /* the outermost frame was reached */
	bool cut;      /* deeper than CS_GO_DEPTH_MAX, or than the bytes that were there */
	uint32_t entry_function; /* index of the outermost function but the top frame */
	uint16_t entry_module;
};

/*
 * Walks from PC and SP through COUNT bytes of a stack, which begin at SP. EXACT: PC is
 * the next instruction of a running thread; not of a parked one, which has called to park.
 */
void cs_go_unwind(struct cs_go_places *places, uint64_t pc, uint64_t sp, const void *bytes,
                  size_t count, bool exact, struct cs_go_stack *stack);

#endif
