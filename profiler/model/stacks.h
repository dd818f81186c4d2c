/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks as they are shown: the model's nodes with names put in, inlined calls expanded, and
 * those that look the same made the same. The one place that decides what a frame is called.
 *
 * Several snapshots may share one cs_stacks: stacks that are equal in both are then the same
 * pointer, which is how traces are compared.
 */
#ifndef CS_MODEL_STACKS_H
#define CS_MODEL_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/snapshot.h"

/* One call on a stack. Equal calls are the same pointer. */
struct cs_call {
	const char *function; /* a name, MODULE+0xOFFSET, 0xADDRESS or a [mark]; never NULL */
	const char *file;     /* NULL unknown */
	uint32_t line;        /* 0 unknown */
	const char *module;   /* path; NULL: none */
	uint64_t address;     /* where it is looked up in the module's ELF file; 0: several */
	bool inlined;         /* into its caller */
	bool named;           /* function is a real name */
	bool mark;            /* no call but a remark: "[truncated]" */
	uint32_t id;          /* dense, from 0 */
	uint32_t function_id; /* dense, from 0: the same for all lines of a function */
	uint32_t module_id;   /* dense, from 0: 0 is "no module" */
};

/* A stack, innermost call first. Equal stacks are the same pointer. */
struct cs_stack {
	const struct cs_stack *caller; /* NULL: outermost */
	const struct cs_call *call;
	uint32_t depth; /* calls from here to the outermost, itself included */
	uint32_t id;    /* dense, from 0; greater than the caller's */
};

struct cs_stacks;

/*
 * BY_LINE: calls from different lines of a function differ (what one trace is shown by).
 * Without: they are the same when function and file name of the module agree, so that two
 * versions of a program can be compared. NULL: no memory.
 */
struct cs_stacks *cs_stacks_new(bool by_line);
void cs_stacks_free(struct cs_stacks *stacks);

/* The stack of NODE of SNAPSHOT; "[no stack]" for node 0. NULL: no memory. */
const struct cs_stack *cs_stacks_get(struct cs_stacks *stacks, const struct cs_snapshot *snapshot,
                                     uint32_t node);

/* STACK with a mark NAME (a process) as its outermost call. NULL: no memory. */
const struct cs_stack *cs_stacks_rooted(struct cs_stacks *stacks, const struct cs_stack *stack,
                                        const char *name);

/* How many there are: ids are below. */
uint32_t cs_stacks_count(const struct cs_stacks *stacks);

/* The innermost call that is no mark; the innermost mark when there is nothing else. */
const struct cs_call *cs_stack_self(const struct cs_stack *stack);

#endif
