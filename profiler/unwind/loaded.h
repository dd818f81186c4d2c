/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files behind a process's mappings, opened when the first stack runs through them.
 */
#ifndef CS_UNWIND_LOADED_H
#define CS_UNWIND_LOADED_H

#include "unwind/cfi.h"
#include "unwind/unwinder.h"

struct cs_loaded_entry {
	bool tried;
	struct cs_cfi *cfi; /* NULL: not opened yet, or of no use */
	uint64_t bias;      /* run-time address minus the file's own */
};

struct cs_loaded {
	struct cs_unwinder_options options;
	struct cs_mappings mappings;
	struct cs_loaded_entry *entries; /* one for each of them */
};

/* Reads the maps. *CHANGED: code is mapped otherwise than before. 0 or -errno. */
int cs_loaded_refresh(struct cs_loaded *loaded, bool *changed);
void cs_loaded_free(struct cs_loaded *loaded);

/* The index of the mapping that holds ADDRESS, its file opened if it can be. -1: no code. */
int32_t cs_loaded_find(struct cs_loaded *loaded, uint64_t address);

#endif
