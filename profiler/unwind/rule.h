/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How to get from a frame to its caller, for one address of code: where the CFA is (the stack
 * pointer after the return) and where the caller's registers were saved.
 *
 * A rule is made once per address and applied to as many stacks as run through it. It is data
 * of a file that nobody vouches for: applying one ends, and reads nothing but through LOAD.
 */
#ifndef CS_UNWIND_RULE_H
#define CS_UNWIND_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind/registers.h"

enum cs_rule_kind {
	CS_RULE_CUT,        /* nothing is known: the stack is cut here */
	CS_RULE_END,        /* the outermost frame */
	CS_RULE_BOTTOM,     /* no frame: code that the stack was made to return to */
	CS_RULE_OFFSET,     /* CFA = register + offset */
	CS_RULE_EXPRESSION, /* CFA = an expression */
};

/* Where the caller's value of a register is. */
enum cs_rule_place {
	CS_PLACE_UNKNOWN,
	CS_PLACE_SAME,
	CS_PLACE_AT_OFFSET, /* in memory at CFA + n */
	CS_PLACE_IS_OFFSET, /* is CFA + n */
	CS_PLACE_AT_EXPRESSION,
	CS_PLACE_IS_EXPRESSION,
};

struct cs_rule_op {
	uint8_t atom; /* DW_OP_… */
	int64_t number, number2;
};

/* One for each of what cs_rule_registers lists. */
#define CS_RULE_SAVED 7

struct cs_rule {
	uint8_t kind;
	uint8_t cfa_register; /* DWARF's number */
	bool interrupted;     /* the caller did not call but was interrupted: its pc is exact */
	uint8_t place[CS_RULE_SAVED];
	int32_t cfa_offset;            /* or the number of its expression */
	int32_t offset[CS_RULE_SAVED]; /* likewise */
};

/* Registers that a call preserves, and last the return address; DWARF's numbers. */
extern const uint8_t cs_rule_registers[CS_RULE_SAVED];

/* Expressions of many rules, each a run of operations. All zero is empty. */
struct cs_rule_book {
	struct cs_rule_op *ops;
	uint32_t *ends; /* of expression N: operations from ends[N - 1] */
	uint32_t count;
	size_t op_room, end_room;
};

/* Adds OPS. The expression's number, or -1: too long, too many, or an unknown operation. */
int32_t cs_rule_book_add(struct cs_rule_book *book, const struct cs_rule_op *ops, uint32_t count);
void cs_rule_book_free(struct cs_rule_book *book);

/* The 8 bytes at ADDRESS; false: they can't be read. */
typedef bool cs_rule_load(void *context, uint64_t address, uint64_t *value);

/*
 * Brings REGISTERS from a frame to its caller. False: the stack is cut, REGISTERS are void.
 * RULE is of kind OFFSET or EXPRESSION.
 */
bool cs_rule_apply(const struct cs_rule *rule, const struct cs_rule_book *book,
                   struct cs_registers *registers, cs_rule_load *load, void *context);

#endif
