/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files with code are made by others: whatever their unwind information says, a rule is made
 * and nothing crashes. The sanitizers are the judges here. And the small readers around it.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/unit.h"
#include "unwind/cfi.h"
#include "unwind/mappings.h"
#include "unwind/reading.h"

struct file {
	uint8_t *bytes;
	size_t size;
	uint64_t code;              /* address of a function that has rules */
	size_t frames, frames_size; /* where .eh_frame and .eh_frame_hdr are */
	size_t header, header_size;
};

static void find_section(struct file *file, const char *wanted, size_t *at, size_t *size)
{
	const Elf64_Ehdr *head = (const Elf64_Ehdr *)file->bytes;
	const Elf64_Shdr *sections = (const Elf64_Shdr *)(file->bytes + head->e_shoff);
	const char *names = (const char *)file->bytes + sections[head->e_shstrndx].sh_offset;

	for (unsigned i = 0; i < head->e_shnum; i++) {
		if (strcmp(names + sections[i].sh_name, wanted) != 0)
			continue;
		*at = sections[i].sh_offset;
		*size = sections[i].sh_size;
	}
}

static int begin(void **state)
{
	struct file *file = calloc(1, sizeof(*file));
	int fd = open("/proc/self/exe", O_RDONLY);
	struct stat status;

	fstat(fd, &status);
	file->size = (size_t)status.st_size;
	file->bytes = malloc(file->size);
	assert_int_equal(read(fd, file->bytes, file->size), file->size);
	close(fd);
	file->code = ((const Elf64_Ehdr *)file->bytes)->e_entry + 64;
	find_section(file, ".eh_frame", &file->frames, &file->frames_size);
	find_section(file, ".eh_frame_hdr", &file->header, &file->header_size);
	assert_true(file->frames_size && file->header_size);
	*state = file;
	return 0;
}

static int end(void **state)
{
	struct file *file = *state;

	free(file->bytes);
	free(file);
	return 0;
}

static bool no_memory(void *context, uint64_t address, uint64_t *value)
{
	uint64_t *seed = context;

	*value = *seed = *seed * UINT64_C(6364136223846793005) + address;
	return *seed >> 60 != 0;
}

/* Rules for, and steps by, what BYTES say of some thousand addresses. How many are of use. */
static unsigned use(const struct file *file, const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	struct cs_rule_book book = {0};
	struct cs_cfi *image;
	struct cs_rule rule;
	unsigned useful = 0;
	uint64_t seed = 1, bias;

	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	image = cs_cfi_open(fd);
	if (!image)
		return 0;
	for (uint64_t i = 0; i < 1200; i++) {
		struct cs_registers registers = {.known = (1u << CS_REGISTERS) - 1};

		cs_cfi_rule(image, file->code + i * 5, &book, &rule);
		useful += rule.kind == CS_RULE_OFFSET || rule.kind == CS_RULE_EXPRESSION;
		if (rule.kind == CS_RULE_OFFSET || rule.kind == CS_RULE_EXPRESSION)
			cs_rule_apply(&rule, &book, &registers, no_memory, &seed);
	}
	cs_cfi_rule(image, 0, &book, &rule);
	cs_cfi_rule(image, UINT64_MAX, &book, &rule);
	cs_cfi_bias(image, 0x400000, 0x1000, &bias);
	cs_cfi_close(image);
	cs_rule_book_free(&book);
	return useful;
}

static void the_whole_file_has_rules(void **state)
{
	struct file *file = *state;

	assert_true(use(file, file->bytes, file->size) > 300);
}

static uint32_t roll(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

static void damage(struct file *file, size_t from, size_t size, unsigned rounds)
{
	uint8_t *bytes = malloc(file->size);
	uint64_t seed = from + 1;

	for (unsigned i = 0; i < rounds; i++) {
		memcpy(bytes, file->bytes, file->size);
		for (unsigned flips = 1 + roll(&seed) % 64; flips-- > 0;)
			bytes[from + roll(&seed) % size] = (uint8_t)roll(&seed);
		use(file, bytes, file->size);
	}
	free(bytes);
}

static void damaged_unwind_information_is_survived(void **state)
{
	struct file *file = *state;

	damage(file, file->frames, file->frames_size, 60);
	damage(file, file->frames, file->frames_size / 8, 60);
	damage(file, file->header, file->header_size, 40);
	damage(file, file->header, 12, 40);
}

static void damaged_headers_are_survived(void **state)
{
	struct file *file = *state;

	damage(file, 0, 64, 40);
	damage(file, 64, (size_t)14 * 56, 60);
	damage(file, file->size - (size_t)40 * 64, (size_t)40 * 64, 60);
}

static void a_file_cut_short_anywhere_is_survived(void **state)
{
	struct file *file = *state;

	for (unsigned i = 0; i < 40; i++)
		use(file, file->bytes, file->size * i / 40);
}

/* ---- the small readers ---- */

static void code_is_found_in_maps(void **state)
{
	char text[] = "55d0c0e00000-55d0c0e01000 r--p 00000000 fe:01 123   /usr/bin/a b\n"
		      "55d0c0e01000-55d0c0e05000 r-xp 00001000 fe:01 123   /usr/bin/a b\n"
		      "7f0000000000-7f0000001000 r-xp 00002000 fe:01 9     /lib/x.so (deleted)\n"
		      "7f0000002000-7f0000003000 rwxp 00000000 00:00 0 \n"
		      "garbage\n"
		      "7ffe00000000-7ffe00001000 r-xp 00000000 00:00 0     [vdso]\n"
		      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";
	struct cs_mappings mappings;

	(void)state;
	assert_int_equal(cs_mappings_parse(&mappings, text), 0);
	assert_int_equal(mappings.all, 7);
	assert_int_equal(mappings.count, 4);
	assert_string_equal(mappings.at[0].path, "/usr/bin/a b");
	assert_int_equal(mappings.at[0].offset, 0x1000);
	assert_string_equal(mappings.at[1].path, "/lib/x.so");
	assert_string_equal(mappings.at[2].path, "");
	assert_string_equal(mappings.at[3].path, "[vdso]");
	assert_int_equal(cs_mappings_find(&mappings, 0x55d0c0e00fff), -1);
	assert_int_equal(cs_mappings_find(&mappings, 0x55d0c0e01000), 0);
	assert_int_equal(cs_mappings_find(&mappings, 0x7f0000000fff), 1);
	assert_int_equal(cs_mappings_find(&mappings, 0x7f0000001000), -1);
	assert_int_equal(cs_mappings_find(&mappings, UINT64_MAX), -1);
	cs_mappings_free(&mappings);
}

/* Holes between readable pieces: each piece gets what is there of it, however many there are. */
static void pieces_with_holes_are_read(void **state)
{
	enum { PIECES = 1500, PAGE = 4096 };
	uint8_t *memory = mmap(NULL, (size_t)PIECES * PAGE, PROT_READ | PROT_WRITE,
	                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct cs_piece *pieces = calloc(PIECES, sizeof(*pieces));
	uint64_t *values = calloc(PIECES, 16);

	(void)state;
	for (unsigned i = 0; i < PIECES; i++) {
		uint64_t at = (uint64_t)memory + (uint64_t)i * PAGE;
		/* Every third one ends beyond a page that every seventh time is not there. */
		uint64_t address = i % 3 == 0 ? at + PAGE - 8 : at;

		*(uint64_t *)address = i;
		pieces[i] =
			(struct cs_piece){.address = address, .bytes = 16, .to = &values[2 * i]};
	}
	for (unsigned i = 0; i < PIECES; i += 7)
		munmap(memory + (size_t)i * PAGE, PAGE);
	assert_int_equal(cs_reading((uint32_t)getpid(), pieces, PIECES), 0);
	for (unsigned i = 0; i < PIECES; i++) {
		bool behind_gone = i % 3 == 0 && (i + 1) % 7 == 0;
		uint32_t want = i % 7 == 0 ? 0 : 16;

		if (i + 1 == PIECES)
			break; /* what lies behind all of it is not ours to know */
		if (want && behind_gone)
			assert_in_range(pieces[i].got, 0, 8);
		else
			assert_int_equal(pieces[i].got, want);
		if (pieces[i].got >= 8)
			assert_int_equal(values[2 * i], i);
	}
	munmap(memory, (size_t)PIECES * PAGE);
	free(values);
	free(pieces);
}

/* libelf itself forgets the room for a section that it then cannot read. */
const char *__lsan_default_suppressions(void); /* NOLINT: the sanitizer's name */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void) /* NOLINT */
{
	return "leak:libelf";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_file_has_rules),
		cmocka_unit_test(damaged_unwind_information_is_survived),
		cmocka_unit_test(damaged_headers_are_survived),
		cmocka_unit_test(a_file_cut_short_anywhere_is_survived),
		cmocka_unit_test(code_is_found_in_maps),
		cmocka_unit_test(pieces_with_holes_are_read),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
