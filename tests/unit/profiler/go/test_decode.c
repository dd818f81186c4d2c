/* SPDX-License-Identifier: Apache-2.0 */
#include "support/unit.h"

#include <string.h>

#include "go/decode.h"

struct example {
	const char *bytes;
	uint32_t length;
	uint16_t opcode;
	bool relative, wide;
	int32_t displacement;
};

#define CODE(text) text "\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc"

/* Lengths as an assembler's listing has them; each kind of operand and of encoding once. */
static const struct example examples[] = {
	{CODE("\x90"), 1, 0x90, false, false, 0},
	{CODE("\x55"), 1, 0x55, false, false, 0},
	{CODE("\x49\x3b\x66\x10"), 4, 0x3b, false, true, 0},                /* cmp 16(r14), rsp */
	{CODE("\x0f\x86\x10\x00\x00\x00"), 6, 0x0f86, false, false, 0},     /* jbe */
	{CODE("\x48\x8b\x05\x10\x00\x00\x00"), 7, 0x8b, true, true, 16},    /* mov rax, [rip] */
	{CODE("\x8b\x0d\xf0\xff\xff\xff"), 6, 0x8b, true, false, -16},      /* mov ecx, [rip] */
	{CODE("\x48\x8d\x05\x00\x01\x00\x00"), 7, 0x8d, true, true, 256},   /* lea */
	{CODE("\x48\x83\x3d\x08\x00\x00\x00\x00"), 8, 0x83, true, true, 8}, /* cmp [rip], 0 */
	{CODE("\x48\xc7\x05\x08\x00\x00\x00\x00\x00\x08\x00"), 11, 0xc7, true, true, 8},
	{CODE("\xf7\x05\x04\x00\x00\x00\x01\x00\x00\x00"), 10, 0xf7, true, false, 4}, /* test */
	{CODE("\xf7\x1d\x04\x00\x00\x00"), 6, 0xf7, true, false, 4},  /* neg: no number */
	{CODE("\x66\xc7\x04\x24\x01\x00"), 6, 0xc7, false, false, 0}, /* SIB, 16 bits */
	{CODE("\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08"), 10, 0xb8, false, true, 0},
	{CODE("\xc5\xfa\x6f\x05\x20\x00\x00\x00"), 8, 0xffff, true, false, 32}, /* vmovdqu */
	{CODE("\xf0\x0f\xb1\x0d\x00\x10\x00\x00"), 8, 0x0fb1, true, false, 4096},
	{CODE("\x66\x0f\x3a\x0f\xc1\x08"), 6, 0x0f0f, false, false, 0},      /* palignr */
	{CODE("\x48\x8b\x84\x24\x80\x00\x00\x00"), 8, 0x8b, false, true, 0}, /* mov 128(rsp) */
};

static void lengths_and_operands(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *example = &examples[i];
		struct cs_go_instruction got =
			cs_go_decode((const unsigned char *)example->bytes, 15, 0x1000);

		assert_int_equal(got.length, example->length);
		if (example->opcode != 0x0f0f) /* three-byte maps have no number */
			assert_int_equal(got.opcode, example->opcode);
		assert_int_equal(got.relative, example->relative);
		assert_int_equal(got.wide, example->wide);
		if (example->relative)
			assert_int_equal(got.target, 0x1000 + example->length +
			                                     (uint64_t)example->displacement);
	}
}

/* trap: code that is cut off at the end of a function must not be read beyond it */
static void cut_short_is_no_instruction(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		for (size_t bytes = 0; bytes < examples[i].length; bytes++) {
			unsigned char exact[16];

			memcpy(exact, examples[i].bytes, bytes);
			assert_int_equal(cs_go_decode(exact, bytes, 0).length, 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_and_operands),
		cmocka_unit_test(cut_short_is_no_instruction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
