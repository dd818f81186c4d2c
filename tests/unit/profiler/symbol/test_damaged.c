/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ELF files are made by others: whatever is in them, looking up names ends, and nothing
 * crashes. The sanitizers are the judges here.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/unit.h"
#include "workshop.h"

static const char program[] =
	"#include <vector>\n"
	"volatile int out;\n"
	"template <class T> static inline void push(std::vector<T> &all, T value)\n"
	"{\n"
	"	all.push_back(value);\n"
	"	out = all.size();\n"
	"}\n"
	"namespace { struct work {\n"
	"	std::vector<int> ints;\n"
	"	std::vector<double> doubles;\n"
	"	__attribute__((noinline)) void go(int n)\n"
	"	{\n"
	"		for (int i = 0; i < n; i++) { push(ints, i); push(doubles, 1. / i); }\n"
	"	}\n"
	"}; }\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	work w;\n"
	"	w.go(argc);\n"
	"	auto last = [&](int v) __attribute__((noinline)) { push(w.ints, v); return out; };\n"
	"	return last(argc) + w.ints.back();\n"
	"}\n";

struct image {
	struct workshop shop;
	unsigned char *bytes;
	size_t size;
	uint64_t main_address;
	char path[128];
};

static int begin(void **state)
{
	struct image *image = calloc(1, sizeof(*image));

	workshop_begin(&image->shop);
	workshop_write(&image->shop, "prog.cc", program);
	if (workshop_try(&image->shop, "g++ -O1 -g prog.cc -o prog") == 0) {
		snprintf(image->path, sizeof(image->path), "%s",
		         workshop_path(&image->shop, "prog"));
		image->main_address = workshop_address(&image->shop, "prog", "main");
		FILE *file = fopen(image->path, "r");
		struct stat status;
		fstat(fileno(file), &status);
		image->size = (size_t)status.st_size;
		image->bytes = malloc(image->size);
		assert_int_equal(fread(image->bytes, 1, image->size, file), image->size);
		fclose(file);
	}
	*state = image;
	return 0;
}

static int end(void **state)
{
	struct image *image = *state;

	workshop_end(&image->shop);
	free(image->bytes);
	free(image);
	return 0;
}

/* Looks up names in SIZE bytes of an ELF file that claims to be the program. */
static uint64_t look_up(const struct image *image, const unsigned char *bytes, size_t size)
{
	struct cs_model *model = cs_model_new();
	struct cs_symbols *symbols = cs_symbols_new();
	struct cs_resolver *resolver = cs_resolver_new(NULL);
	struct cs_resolver_result result;
	uint32_t module = cs_model_module(model, image->path, NULL, 0);
	int fd = memfd_create("damaged", MFD_CLOEXEC);

	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	for (int64_t at = -1024; at < 1024; at += 9)
		cs_model_frame(model, module, image->main_address + (uint64_t)at);
	cs_model_frame(model, module, 0);
	cs_model_frame(model, module, UINT64_MAX);
	assert_int_equal(cs_resolver_add_module(resolver, module, fd, NULL), 0);
	assert_int_equal(cs_resolver_resolve(resolver, model, symbols, NULL, NULL, &result, NULL),
	                 0);
	cs_resolver_free(resolver);
	cs_symbols_free(symbols);
	cs_model_free(model);
	return result.named;
}

static void the_whole_file_gives_names(void **state)
{
	struct image *image = *state;

	if (!image->bytes)
		skip();
	assert_true(look_up(image, image->bytes, image->size) > 60);
}

static void a_file_cut_short_anywhere_is_survived(void **state)
{
	struct image *image = *state;

	if (!image->bytes)
		skip();
	for (unsigned i = 0; i < 60; i++)
		look_up(image, image->bytes, image->size * i / 60);
}

/* A generator of its own: the same damage on every machine. */
static uint32_t roll(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

/* FROM, SIZE: where bits are flipped. */
static void flip(struct image *image, size_t from, size_t size, unsigned rounds)
{
	unsigned char *bytes = malloc(image->size);
	uint64_t seed = from + 1;

	for (unsigned i = 0; i < rounds; i++) {
		memcpy(bytes, image->bytes, image->size);
		unsigned flips = 1 + roll(&seed) % 16;
		while (flips-- > 0)
			bytes[from + roll(&seed) % size] ^= (unsigned char)(1u << roll(&seed) % 8);
		look_up(image, bytes, image->size);
	}
	free(bytes);
}

static void flipped_bits_are_survived(void **state)
{
	struct image *image = *state;

	if (!image->bytes)
		skip();
	flip(image, 0, image->size, 100);
	flip(image, 0, 64, 30);                                           /* the header */
	flip(image, image->size - (size_t)40 * 64, (size_t)40 * 64, 100); /* section headers */
}

/* Each section that we read, on its own. */
static void flipped_bits_in_each_section_are_survived(void **state)
{
	struct image *image = *state;
	char line[256];
	char command[256];
	unsigned sections = 0;

	if (!image->bytes)
		skip();
	snprintf(command, sizeof(command),
	         "readelf -SW %s | sed 's/^ *.*\\] //' | grep -E '^\\.(debug|symtab|strtab|note)'",
	         image->path);
	FILE *list = popen(command, "r");
	while (fgets(line, sizeof(line), list)) {
		unsigned long offset, size;
		if (sscanf(line, "%*s %*s %*x %lx %lx", &offset, &size) != 2 || size == 0)
			continue;
		assert_true(offset + size <= image->size);
		flip(image, offset, size, 40);
		sections++;
	}
	pclose(list);
	assert_true(sections >= 6);
}

static void what_is_no_elf_file_is_counted(void **state)
{
	struct image *image = *state;
	static const unsigned char junk[4096] = "#!/bin/sh\n";

	assert_int_equal(look_up(image, junk, sizeof(junk)), 0);
	assert_int_equal(look_up(image, junk, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_file_gives_names),
		cmocka_unit_test(a_file_cut_short_anywhere_is_survived),
		cmocka_unit_test(flipped_bits_are_survived),
		cmocka_unit_test(flipped_bits_in_each_section_are_survived),
		cmocka_unit_test(what_is_no_elf_file_is_counted),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
