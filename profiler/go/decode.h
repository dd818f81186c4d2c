/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machine code of x86-64, as far as needed to see which variables a function touches: the
 * length of each instruction, and its operand where that is relative to the instruction.
 */
#ifndef CS_GO_DECODE_H
#define CS_GO_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cs_go_instruction {
	uint32_t length;      /* 0: not an instruction */
	uint16_t opcode;      /* 0x8b; 0x0fb6 with escape; 0xffff in another encoding (VEX …) */
	bool wide;            /* 64-bit operand */
	bool relative;        /* has an operand at TARGET */
	uint8_t reg;          /* field of ModRM */
	int32_t displacement; /* of `relative` */
	uint64_t immediate;   /* 0 none */
	uint64_t target;      /* ADDRESS of the instruction's end + displacement */
};

/* The instruction in CODE (of BYTES), which lies at ADDRESS. */
struct cs_go_instruction cs_go_decode(const unsigned char *code, size_t bytes, uint64_t address);

#endif
