/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ELF file, as far as one can know it without running it: loader, needed libraries,
 * sections, symbols. Files are untrusted: every offset is checked, every size bounded.
 */
#ifndef CS_COMMAND_IMAGE_H
#define CS_COMMAND_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>

struct cs_image {
	int fd;
	uint64_t file_bytes;
	Elf64_Ehdr head;
	Elf64_Phdr *segments;
	Elf64_Shdr *sections; /* NULL: it has none, or they make no sense */
	char *section_names;
	uint64_t section_names_bytes;
};

/*
 * Reads the headers from FD, which stays the caller's. 0; -ENOEXEC: not a 64-bit x86-64 ELF
 * file, with `head` filled as far as it is one; -errno. cs_image_close() in every case.
 */
int cs_image_open(struct cs_image *image, int fd);
void cs_image_close(struct cs_image *image);

/* The path of its dynamic loader into TEXT; false: it has none. */
bool cs_image_loader(const struct cs_image *image, char *text, uint64_t bytes);

/* Calls VISIT with each library it needs; stops when that returns true. */
typedef bool cs_image_visit(void *context, const char *name);
void cs_image_needed(const struct cs_image *image, cs_image_visit *visit, void *context);

/* Calls VISIT with each function it defines and exports (EXPORTED), or has in its symbol
 * table (not EXPORTED; nothing if it was stripped). */
void cs_image_functions(const struct cs_image *image, bool exported, cs_image_visit *visit,
                        void *context);

bool cs_image_has_section(const struct cs_image *image, const char *name);

#endif
