/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules from unwind information: good, without a table, and spoilt in every way. The spoilt
 * copy lies between pages that can't be touched, so that a read out of bounds is a crash.
 */
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "scene.h"
#include "stack/cfi.h"
#include "stack/rules.h"
#include "support/unit.h"

#define PAGE UINT64_C(4096)

struct image {
	struct csa_cfi cfi;
	const uint8_t *low; /* the segment that holds it */
	const uint8_t *high;
	uint64_t text_low;
	uint64_t text_high;
	const char *want;
};

static struct image libc;

static int find(struct dl_phdr_info *info, size_t bytes, void *arg)
{
	struct image *image = arg;
	const uint8_t *header = NULL;

	(void)bytes;
	if (!strstr(info->dlpi_name, image->want))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
			header = (const uint8_t *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const uint8_t *low =
			(const uint8_t *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
		const uint8_t *high = low + info->dlpi_phdr[i].p_memsz;

		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		if (info->dlpi_phdr[i].p_flags & PF_X) {
			image->text_low = (uint64_t)low;
			image->text_high = (uint64_t)high;
		}
		if (header >= low && header < high) {
			image->low = low;
			image->high = high;
		}
	}
	assert_true(csa_cfi_open(&image->cfi, header, image->high));
	image->cfi.frames_low = image->low;
	image->cfi.frames_high = image->high;
	return 1;
}

static int setup(void **state)
{
	(void)state;
	libc.want = "libc.so.6";
	return dl_iterate_phdr(find, &libc) == 1 ? 0 : -1;
}

static uint64_t seed = 88172645463325252;

static uint64_t draw(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

static void entries_of_functions_are_plain(void **state)
{
	const char *names[] = {"qsort", "malloc", "printf", "fopen", "strtol", "getenv", "abort"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(csa_cfi_rule(&libc.cfi, (uint64_t)scene_libc(names[i])),
		                 csa_rule(CSA_RULE_SP, 1, 0));
	assert_int_equal(csa_cfi_rule(&libc.cfi, libc.text_high + 5), CSA_RULE_GUESS);
	assert_int_equal(csa_cfi_rule(&libc.cfi, 5), CSA_RULE_GUESS);
}

static void nearly_all_code_has_a_rule(void **state)
{
	unsigned counts[8] = {0};

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t at = libc.text_low + draw(libc.text_high - libc.text_low);

		counts[csa_rule_kind(csa_cfi_rule(&libc.cfi, at))]++;
	}
	print_message("sp %u bp %u deref %u lost %u signal %u end %u none %u\n",
	              counts[CSA_RULE_SP], counts[CSA_RULE_BP], counts[CSA_RULE_BP_DEREF],
	              counts[CSA_RULE_SP_LOST], counts[CSA_RULE_SIGNAL], counts[CSA_RULE_END],
	              counts[CSA_RULE_NONE]);
	assert_int_equal(counts[CSA_RULE_EMPTY], 0);
	assert_true(counts[CSA_RULE_SP] + counts[CSA_RULE_BP] > 95000);
}

static void a_missing_table_changes_nothing(void **state)
{
	struct csa_cfi linear = libc.cfi;

	(void)state;
	assert_non_null(libc.cfi.table);
	linear.table = NULL;
	for (int i = 0; i < 100; i++) {
		uint64_t at = libc.text_low + draw(libc.text_high - libc.text_low);

		assert_int_equal(csa_cfi_rule(&linear, at), csa_cfi_rule(&libc.cfi, at));
	}
}

/* A copy between two guard pages, which ends just where the copied range ends. */
static uint8_t *copy_between_guards(const uint8_t *from, size_t bytes)
{
	size_t room = (bytes + PAGE - 1) & ~(PAGE - 1);
	uint8_t *start = mmap(NULL, room + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(start, MAP_FAILED);
	mprotect(start + PAGE, room, PROT_READ | PROT_WRITE);
	memcpy(start + PAGE + room - bytes, from, bytes);
	return start + PAGE + room - bytes;
}

static void spoilt_information_does_no_harm(void **state)
{
	size_t bytes = (size_t)(libc.high - libc.cfi.header);
	uint8_t *copy = copy_between_guards(libc.cfi.header, bytes);
	uint64_t shift = (uint64_t)copy - (uint64_t)libc.cfi.header;
	uint64_t different = 0;

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct csa_cfi cfi = {0};

		if (round % 8 == 0)
			memcpy(copy, libc.cfi.header, bytes);
		for (uint64_t i = 0, many = 1 + draw(round % 4 ? 4000 : 20); i < many; i++) {
			uint64_t at = draw(8) ? draw(bytes) : draw(64);

			copy[at] = draw(3) ? (uint8_t)draw(256) : draw(2) ? 0xff : 0;
		}
		if (round % 3)
			memcpy(copy, libc.cfi.header, 12); /* let it be opened */
		if (!csa_cfi_open(&cfi, copy, copy + bytes))
			continue;
		cfi.frames_low = copy;
		cfi.frames_high = copy + bytes;
		if (round % 40 == 7)
			cfi.table = NULL;
		for (int i = 0; i < (cfi.table ? 1000 : 3); i++) {
			uint64_t at = libc.text_low + shift + draw(libc.text_high - libc.text_low);
			uint64_t rule = csa_cfi_rule(&cfi, draw(16) ? at : draw(UINT64_MAX));

			assert_int_not_equal(csa_rule_kind(rule), CSA_RULE_EMPTY);
			assert_int_equal(rule & CSA_RULE_TAG_MASK, 0);
			different += rule != csa_cfi_rule(&libc.cfi, at - shift);
		}
	}
	assert_true(different > 1000);
}

static void a_short_header_is_refused(void **state)
{
	struct csa_cfi cfi;

	(void)state;
	for (size_t bytes = 0; bytes < 8; bytes++) {
		uint8_t *copy = copy_between_guards(libc.cfi.header, bytes);

		assert_false(csa_cfi_open(&cfi, copy, copy + bytes));
	}
	for (size_t bytes = 8; bytes < 64; bytes++) {
		uint8_t *copy = copy_between_guards(libc.cfi.header, bytes);

		assert_true(csa_cfi_open(&cfi, copy, copy + bytes));
		assert_null(cfi.table);
	}
}

/* A CIE and an FDE for [0x1000, 0x1100) with the given instructions, and no table. */
static uint64_t rule_of(const uint8_t *code, size_t bytes, uint64_t address)
{
	static uint8_t frames[512];
	uint8_t *at = frames;
	struct csa_cfi cfi = {.header = frames,
	                      .frames = frames,
	                      .frames_low = frames,
	                      .frames_high = frames + sizeof(frames)};
	static const uint8_t cie[] = {
		0x14, 0, 0, 0,    0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x00 /* absolute */,
		0x0c, 7, 8, 0x90, 1, 0, 0};
	uint64_t begin = 0x1000, length = 0x100;
	uint32_t size = (uint32_t)(4 + 16 + 1 + bytes), back = sizeof(cie) + 4;

	memset(frames, 0, sizeof(frames));
	memcpy(at, cie, sizeof(cie));
	at += sizeof(cie);
	memcpy(at, &size, 4);
	memcpy(at + 4, &back, 4);
	memcpy(at + 8, &begin, 8);
	memcpy(at + 16, &length, 8);
	memcpy(at + 25, code, bytes);
	return csa_cfi_rule(&cfi, address);
}

static void instructions_mean_what_they_say(void **state)
{
	const struct {
		uint8_t code[24];
		uint64_t at;
		uint64_t rule;
	} cases[] = {
		{{0}, 0x1000, csa_rule(CSA_RULE_SP, 1, 0)},
		{{0}, 0x10ff, csa_rule(CSA_RULE_SP, 1, 0)},
		{{0}, 0x1100, CSA_RULE_GUESS},
		{{0}, 0xffe, CSA_RULE_GUESS},
		/* what is to return to a function's first byte was never called */
		{{0}, 0xfff, csa_rule(CSA_RULE_END, 0, 0)},
		/* push %rbp; then a frame of 0x200 */
		{{0x41, 0x0e, 16, 0x86, 2, 0x44, 0x0e, 0x80, 4},
	         0x1001,
	         csa_rule(CSA_RULE_SP, 2, 2)},
		{{0x41, 0x0e, 16, 0x86, 2, 0x44, 0x0e, 0x80, 4},
	         0x1004,
	         csa_rule(CSA_RULE_SP, 2, 2)},
		{{0x41, 0x0e, 16, 0x86, 2, 0x44, 0x0e, 0x80, 4},
	         0x1005,
	         csa_rule(CSA_RULE_SP, 64, 2)},
		/* mov %rsp,%rbp; and back by leave */
		{{0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6}, 0x1010, csa_rule(CSA_RULE_BP, 2, 2)},
		{{0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x02, 0x20, 0x0c, 7, 8, 0xc6},
	         0x1024,
	         csa_rule(CSA_RULE_SP, 1, 0)},
		/* remember, another row, recall */
		{{0x41, 0x0e, 16, 0x0a, 0x41, 0x0e, 24, 0x0b}, 0x1003, csa_rule(CSA_RULE_SP, 2, 0)},
		{{0x41, 0x0e, 16, 0x0a, 0x41, 0x0e, 24}, 0x1003, csa_rule(CSA_RULE_SP, 3, 0)},
		/* recall of nothing, an unknown instruction */
		{{0x0b}, 0x1000, csa_rule(CSA_RULE_NONE, 0, 0)},
		{{0x3d}, 0x1000, csa_rule(CSA_RULE_NONE, 0, 0)},
		/* the return address: undefined, elsewhere */
		{{0x07, 16}, 0x1000, csa_rule(CSA_RULE_END, 0, 0)},
		{{0x90, 2}, 0x1000, csa_rule(CSA_RULE_NONE, 0, 0)},
		/* a register that is not followed */
		{{0x0d, 3}, 0x1000, csa_rule(CSA_RULE_NONE, 0, 0)},
		/* rbp in another register, at the CFA itself, too far away */
		{{0x09, 6, 3}, 0x1000, csa_rule(CSA_RULE_SP_LOST, 1, 0)},
		{{0x86, 0}, 0x1000, csa_rule(CSA_RULE_SP_LOST, 1, 0)},
		{{0x86, 0x80, 0x10}, 0x1000, csa_rule(CSA_RULE_SP_LOST, 1, 0)},
		/* a realigned stack: CFA = *(rbp - 8), rbp at *rbp */
		{{0x0f, 3, 0x76, 0x78, 6, 0x10, 6, 2, 0x76, 0},
	         0x1000,
	         csa_rule(CSA_RULE_BP_DEREF, (uint64_t)-1, 0)},
		{{0x0f, 3, 0x76, 0x78, 6}, 0x1000, csa_rule(CSA_RULE_NONE, 0, 0)},
		/* a PLT: 8 more from byte 11 on */
		{{0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22},
	         0x100a,
	         csa_rule(CSA_RULE_SP, 1, 0)},
		{{0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22},
	         0x100b,
	         csa_rule(CSA_RULE_SP, 2, 0)},
		{{0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x23},
	         0x100b,
	         csa_rule(CSA_RULE_NONE, 0, 0)},
		/* an odd CFA; one beyond all stacks; the arguments' size says nothing here */
		{{0x0e, 9}, 0x1000, csa_rule(CSA_RULE_NONE, 0, 0)},
		{{0x0e, 0x80, 0x80, 0x80, 0x80, 1}, 0x1000, csa_rule(CSA_RULE_NONE, 0, 0)},
		{{0x2e, 32}, 0x1000, csa_rule(CSA_RULE_SP, 1, 0)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t rule = rule_of(cases[i].code, sizeof(cases[i].code), cases[i].at);

		if (rule != cases[i].rule)
			print_message("case %zu\n", i);
		assert_int_equal(rule, cases[i].rule);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_of_functions_are_plain),
		cmocka_unit_test(nearly_all_code_has_a_rule),
		cmocka_unit_test(a_missing_table_changes_nothing),
		cmocka_unit_test(instructions_mean_what_they_say),
		cmocka_unit_test(a_short_header_is_refused),
		cmocka_unit_test(spoilt_information_does_no_harm),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
