/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ELF file that is open. Nothing in it is believed: lengths are checked by libelf, and a
 * file that others than root may change is read instead of mapped, so that nobody can pull
 * it away underneath.
 */
#ifndef CS_SYMBOL_OBJECT_H
#define CS_SYMBOL_OBJECT_H

#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>

enum { CS_OBJECT_SEGMENTS = 16 };

struct cs_object {
	int fd;
	Elf *elf;
	uint64_t low, high; /* of all that is loaded */
	struct {
		uint64_t low, high;
	} code[CS_OBJECT_SEGMENTS]; /* executable segments */
	uint32_t code_count;
	uint8_t build_id[64];
	uint32_t build_id_bytes; /* 0: none */
};

/* Takes FD. 0 or -ENOEXEC: not an ELF file that could be read. */
int cs_object_open(struct cs_object *object, int fd);
/* For a regular file at PATH; -errno. */
int cs_object_open_path(struct cs_object *object, const char *path);
/* Fine for one whose opening failed, or that is {.fd = -1}. */
void cs_object_close(struct cs_object *object);

bool cs_object_has_code_at(const struct cs_object *object, uint64_t address);
/* NULL: no such section. */
Elf_Scn *cs_object_section(const struct cs_object *object, const char *name);
/* IDS longer than 32 bytes are compared by their first 32, which is what the model keeps. */
bool cs_object_has_build_id(const struct cs_object *object, const uint8_t *id, uint32_t bytes);

#endif
