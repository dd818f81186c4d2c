/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions by address, from ELF symbol tables: .symtab of the file or of its debug file,
 * .gnu_debugdata, .dynsym.
 */
#ifndef CS_SYMBOL_SYMTAB_H
#define CS_SYMBOL_SYMTAB_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdint.h>

#include "symbol/object.h"
#include "symbol/spans.h"

struct cs_symbol {
	const char *name; /* NULL: name_offset in section `names` of `elf` */
	Elf *elf;
	uint32_t names;
	uint32_t name_offset;
	uint64_t address;
	uint8_t rank; /* of two at one address the higher is shown */
};

/* All zero is empty. */
struct cs_symtab {
	struct cs_symbol *symbols;
	size_t count, room;
	struct cs_spans sized;
	struct cs_spans unsized; /* up to the next symbol or the end of the section */
	Dwfl *mini;              /* owns the names of .gnu_debugdata */
	bool complete;           /* there is more than the exported ones */
};

/* DEBUG may be NULL. 0 or -ENOMEM; damaged tables give fewer symbols. The files must outlive it. */
int cs_symtab_load(struct cs_symtab *symtab, const struct cs_object *object,
                   const struct cs_object *debug);
void cs_symtab_free(struct cs_symtab *symtab);

/* The mangled name of the function that holds ADDRESS; NULL: none does. */
const char *cs_symtab_find(const struct cs_symtab *symtab, uint64_t address);

#endif
