/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where code is mapped in a process: /proc/PID/maps. What it says is the kernel's word; the
 * paths in it are the target's.
 */
#ifndef CS_UNWIND_MAPPINGS_H
#define CS_UNWIND_MAPPINGS_H

#include <stdbool.h>
#include <stdint.h>

struct cs_mapping {
	uint64_t start, end; /* executable */
	uint64_t offset;     /* in its file */
	uint64_t inode;
	char *path; /* as /proc shows it, without " (deleted)"; "[vdso]"; "" for no file */
};

struct cs_mappings {
	struct cs_mapping *at; /* ascending */
	uint32_t count;
	uint64_t all; /* mappings of any kind */
};

/* 0 or -errno; on failure MAPPINGS is empty. */
int cs_mappings_read(struct cs_mappings *mappings, uint32_t pid);
/* TEXT is what maps holds, and is changed. 0 or -ENOMEM. */
int cs_mappings_parse(struct cs_mappings *mappings, char *text);
void cs_mappings_free(struct cs_mappings *mappings);

/* The index of the mapping that holds ADDRESS, -1: none does. */
int32_t cs_mappings_find(const struct cs_mappings *mappings, uint64_t address);

#endif
