/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go's own table of functions ("pclntab"), which is in every Go program, stripped or not:
 * for each instruction the function, file and line, the calls that were inlined there, and how
 * far the stack pointer has moved. Go 1.18 and newer.
 *
 * A copy of the table is kept, and nothing in it is believed: offsets are checked at each use,
 * and a damaged table gives unknown names, never a read outside of it or an endless loop.
 * Addresses here are offsets from the module's start of text.
 */
#ifndef CS_GO_TABLE_H
#define CS_GO_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "go/image.h"
#include "go/memory.h"

struct cs_go_table {
	unsigned char *data; /* owned */
	uint64_t bytes;
	uint64_t vaddr;                             /* where the program's file has it */
	uint32_t functions;                         /* entries of the sorted index */
	uint64_t names, cutab, files, pctab, funcs; /* offsets in data */
	uint32_t function_bytes; /* of the fixed part of a function's record: by version */
	bool old_inlining;       /* 1.18, 1.19: another record for inlined calls */
	uint8_t wrapper_id;      /* kind of function that Go's own dumps leave out */
};

enum cs_go_function_flag {
	CS_GO_TOP_FRAME = 1, /* has no caller */
	CS_GO_SP_WRITE = 2,  /* moves the stack pointer at will: can't be unwound in the middle */
	CS_GO_ASSEMBLY = 4,
};

struct cs_go_function {
	uint32_t index;
	uint32_t at; /* of its record, in data */
	uint64_t entry, end;
	uint32_t name;
	uint32_t pcsp, pcfile, pcln, pcdata_count, cu;
	uint8_t id, flags, funcdata_count;
};

/* A call as it is to be shown; texts lie in the table. */
struct cs_go_call {
	const char *function; /* "" unknown */
	const char *file;     /* NULL unknown */
	uint32_t line;
	bool wrapper;
	uint64_t parent; /* offset in the function from which it was made; 0: it is not inlined */
};

/*
 * Finds the program's table, by its section or by its header. -ENOENT with DIAG: there is
 * none; -ENOTSUP: it is of a Go older than 1.18. TABLE may be NULL: is there one?
 */
int cs_go_table_open(struct cs_go_table *table, const struct cs_go_image *image,
                     struct cs_diag *diag);
/* Takes DATA, also on failure. -EINVAL: that is no table that we know. */
int cs_go_table_take(struct cs_go_table *table, unsigned char *data, uint64_t bytes);
void cs_go_table_close(struct cs_go_table *table);

/* The function that holds OFFSET; false: none does. */
bool cs_go_table_find(const struct cs_go_table *table, uint64_t offset,
                      struct cs_go_function *function);
bool cs_go_table_at(const struct cs_go_table *table, uint32_t index,
                    struct cs_go_function *function);
/* Never NULL. */
const char *cs_go_table_name(const struct cs_go_table *table,
                             const struct cs_go_function *function);

/* Finds functions by name in one pass over all; FOUND[i].end is 0 where NAMES[i] is absent. */
void cs_go_table_find_names(const struct cs_go_table *table, const char *const *names, size_t count,
                            struct cs_go_function *found);

/* Bytes between the stack pointer at OFFSET and the return address; false: not known. */
bool cs_go_table_sp_delta(const struct cs_go_table *table, const struct cs_go_function *function,
                          uint64_t offset, int32_t *delta);

/*
 * The calls at OFFSET, innermost first, at most MAX: inlined ones, then FUNCTION itself. GOFUNC
 * is where MEMORY has the module's function data. At least 1.
 */
uint32_t cs_go_table_calls(const struct cs_go_table *table, const struct cs_go_function *function,
                           uint64_t offset, struct cs_go_memory *memory, uint64_t gofunc,
                           struct cs_go_call *calls, uint32_t max);

#endif
