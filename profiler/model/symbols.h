/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of frames: filled by symbol/ (from ELF and DWARF) or by trace/ (from the file), read
 * by everything that shows a stack. A frame stands for one or more named frames, innermost
 * first: inlined functions, then the function that holds them.
 */
#ifndef CS_MODEL_SYMBOLS_H
#define CS_MODEL_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

struct cs_name {
	const char *function; /* demangled; NULL unknown */
	const char *file;     /* NULL unknown */
	uint32_t line;        /* 0 unknown */
	bool inlined;         /* into the next one */
};

struct cs_symbols;

struct cs_symbols *cs_symbols_new(void);
void cs_symbols_free(struct cs_symbols *symbols);

/* Strings are copied and shared. Replaces earlier names of FRAME. 0 or -ENOMEM. */
int cs_symbols_set(struct cs_symbols *symbols, uint32_t frame, const struct cs_name *names,
                   uint32_t count);

/* Names of FRAME, innermost first; 0 when it was never set. Pointers hold until free. */
uint32_t cs_symbols_get(const struct cs_symbols *symbols, uint32_t frame,
                        const struct cs_name **names);

#endif
