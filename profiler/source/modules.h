/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the code of one process lies: address ranges, each part of a module of the model.
 */
#ifndef CS_SOURCE_MODULES_H
#define CS_SOURCE_MODULES_H

#include <stdbool.h>
#include <stdint.h>

struct cs_module_range {
	uint64_t start, end;
	uint64_t bias;
	uint32_t generation; /* of the process, see wire/record.h */
	uint32_t module;     /* of the model */
};

struct cs_module_map {
	struct cs_module_range *ranges; /* by address, never overlapping */
	uint32_t count, capacity;
};

/* Takes the place of ranges that it overlaps: their end went unseen. 0 or -ENOMEM. */
int cs_module_map_add(struct cs_module_map *map, const struct cs_module_range *range);
void cs_module_map_remove(struct cs_module_map *map, uint32_t generation);
/* NULL: no code that we know lies there. */
const struct cs_module_range *cs_module_map_find(const struct cs_module_map *map, uint64_t address);
int cs_module_map_copy(struct cs_module_map *to, const struct cs_module_map *from);
void cs_module_map_free(struct cs_module_map *map);

/*
 * Opens the file of a module of the live process PID: below its own root, since it may run in
 * a container; through the kernel's links where the file has been deleted. Returns an fd of a
 * regular file and in REOPEN (of SIZE bytes) where it can be opened again; or -1.
 */
int cs_module_open(uint32_t pid, const struct cs_module_range *range, const char *path,
                   bool executable, char *reopen, uint32_t size);

#endif
