/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions, inlined calls and lines by address, from DWARF. Only the compilation units that
 * are asked for are read, each once.
 */
#ifndef CS_SYMBOL_DWARF_H
#define CS_SYMBOL_DWARF_H

#include <stdbool.h>
#include <stdint.h>

#include "symbol/object.h"

enum { CS_DWARF_CALLS = 128 };

/* Strings belong to the DWARF. */
struct cs_dwarf_call {
	const char *linkage; /* mangled, NULL unknown */
	const char *name;    /* as it was written, without its scope; NULL unknown */
	const char *folder;  /* what file is relative to; NULL: file is all that is known */
	const char *file;    /* NULL unknown */
	uint32_t line;       /* 0 unknown */
};

/* Calls at one address, innermost first; all but the last are inlined into the next. */
struct cs_dwarf_calls {
	struct cs_dwarf_call at[CS_DWARF_CALLS];
	uint32_t count;
};

struct cs_dwarf;

/* NULL: no DWARF in OBJECT, or no memory. OBJECT must outlive it. */
struct cs_dwarf *cs_dwarf_open(const struct cs_object *object);
void cs_dwarf_close(struct cs_dwarf *dwarf);

/* 0 with at least one call, -ENOENT, -ENOMEM. The last call's names may both be NULL. */
int cs_dwarf_find(struct cs_dwarf *dwarf, uint64_t address, struct cs_dwarf_calls *calls);

#endif
