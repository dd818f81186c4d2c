/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers at a point of a program, by DWARF's numbers for x86-64.
 */
#ifndef CS_UNWIND_REGISTERS_H
#define CS_UNWIND_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

enum cs_register {
	CS_REGISTER_RBX = 3,
	CS_REGISTER_RBP = 6,
	CS_REGISTER_RSP = 7,
	CS_REGISTER_R12 = 12,
	CS_REGISTER_R13 = 13,
	CS_REGISTER_R14 = 14,
	CS_REGISTER_R15 = 15,
	CS_REGISTER_RIP = 16,
	CS_REGISTERS = 17
};

struct cs_registers {
	uint64_t value[CS_REGISTERS];
	uint32_t known; /* a bit for each */
};

static inline bool cs_register_known(const struct cs_registers *registers, unsigned number)
{
	return number < CS_REGISTERS && (registers->known >> number & 1);
}

static inline void cs_register_set(struct cs_registers *registers, enum cs_register number,
                                   uint64_t value)
{
	registers->value[number] = value;
	registers->known |= 1u << number;
}

#endif
