/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The variables that a function of the target touches, in the order of its code.
 */
#ifndef CS_GO_CODE_H
#define CS_GO_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "go/memory.h"
#include "go/module.h"

#define CS_GO_OPERANDS_MAX 512u

enum cs_go_access {
	CS_GO_LOAD = 1 << 0,    /* mov register, variable */
	CS_GO_STORE = 1 << 1,   /* mov variable, register or number */
	CS_GO_ADDRESS = 1 << 2, /* lea */
	CS_GO_OTHER = 1 << 3,   /* cmp, add, xchg … */
};

struct cs_go_operand {
	uint64_t target;
	uint8_t access; /* enum cs_go_access */
	bool wide;      /* 64 bits */
};

/* At most CS_GO_OPERANDS_MAX; 0 as well when FUNCTION is none (end 0) or can't be read. */
uint32_t cs_go_code_operands(const struct cs_go_module *module,
                             const struct cs_go_function *function, struct cs_go_memory *memory,
                             struct cs_go_operand *operands);

/* The number that the first `cmp al, number` compares with; -1: there is none. */
int cs_go_code_compared_byte(const struct cs_go_module *module,
                             const struct cs_go_function *function, struct cs_go_memory *memory);

#endif
