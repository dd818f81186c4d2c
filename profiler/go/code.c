/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code is read from memory, as it runs. Bytes that are no instruction are stepped over.
 */
#include "go/code.h"

#include "go/decode.h"

#define CODE_BYTES_MAX 65536u

static uint64_t read_code(const struct cs_go_module *module, const struct cs_go_function *function,
                          struct cs_go_memory *memory, unsigned char *code)
{
	uint64_t bytes = function->end - function->entry;

	if (function->end <= function->entry)
		return 0;
	if (bytes > CODE_BYTES_MAX)
		bytes = CODE_BYTES_MAX;
	return cs_go_read(memory, module->text + function->entry, code, bytes) ? 0 : bytes;
}

static uint8_t access_of(const struct cs_go_instruction *instruction)
{
	switch (instruction->opcode) {
	case 0x8b:
	case 0x0fb6:
	case 0x0fb7:
		return CS_GO_LOAD;
	case 0x88:
	case 0x89:
	case 0xc6:
	case 0xc7:
		return CS_GO_STORE;
	case 0x8d:
		return CS_GO_ADDRESS;
	default:
		return CS_GO_OTHER;
	}
}

uint32_t cs_go_code_operands(const struct cs_go_module *module,
                             const struct cs_go_function *function, struct cs_go_memory *memory,
                             struct cs_go_operand *operands)
{
	unsigned char code[CODE_BYTES_MAX];
	uint64_t bytes = read_code(module, function, memory, code);
	uint64_t address = module->text + function->entry;
	uint32_t count = 0;

	for (uint64_t at = 0; at < bytes && count < CS_GO_OPERANDS_MAX;) {
		struct cs_go_instruction instruction =
			cs_go_decode(code + at, bytes - at, address + at);

		if (instruction.relative)
			operands[count++] = (struct cs_go_operand){
				.target = instruction.target,
				.access = access_of(&instruction),
				.wide = instruction.wide,
			};
		at += instruction.length ? instruction.length : 1;
	}
	return count;
}

int cs_go_code_compared_byte(const struct cs_go_module *module,
                             const struct cs_go_function *function, struct cs_go_memory *memory)
{
	unsigned char code[CODE_BYTES_MAX];
	uint64_t bytes = read_code(module, function, memory, code);

	for (uint64_t at = 0; at < bytes;) {
		struct cs_go_instruction instruction = cs_go_decode(code + at, bytes - at, 0);

		if (instruction.opcode == 0x3c)
			return (int)instruction.immediate;
		at += instruction.length ? instruction.length : 1;
	}
	return -1;
}
