/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files whose code a process has mapped, from /proc/PID/maps: where a plugin's or a library's
 * Go code comes from.
 */
#ifndef CS_GO_MAPPED_H
#define CS_GO_MAPPED_H

#include <stdbool.h>
#include <stdint.h>

#include "go/module.h"
#include "model/model.h"

/* One file. What lies between its mappings may be another's. */
struct cs_go_mapped {
	uint64_t start, end;          /* of the first mapping: with `offset` it tells the bias */
	uint64_t offset;              /* in the file, of the first mapping */
	uint64_t code_low, code_high; /* of its executable mappings; 0, 0: none yet */
	uint64_t inode;
	char path[CS_GO_PATH_BYTES]; /* as the kernel shows it, without " (deleted)" */
};

/*
 * Calls VISIT for every file that has code, in the order of addresses, until it says true.
 * The answer: whether it did. Nothing is called when the process has gone.
 */
bool cs_go_mapped_each(uint32_t pid, bool (*visit)(void *context, const struct cs_go_mapped *file),
                       void *context);

/* Gives MODULE, a plugin of the process PID, its bias and its id of MODEL; id 0: no memory. */
void cs_go_mapped_name(struct cs_go_module *module, uint32_t pid, struct cs_model *model);

#endif
