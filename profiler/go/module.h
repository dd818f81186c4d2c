/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module of Go code in a process: the program itself, and plugins that it has loaded. What
 * the runtime's moduledata says of each, with its table of functions.
 */
#ifndef CS_GO_MODULE_H
#define CS_GO_MODULE_H

#include <stdint.h>

#include "base/diag.h"
#include "go/image.h"
#include "go/memory.h"
#include "go/table.h"

struct cs_go_module {
	uint64_t address; /* of its moduledata */
	uint64_t bias;    /* address in memory - address in its file */
	uint64_t text, etext;
	uint64_t gofunc;
	uint64_t data, data_end; /* its variables */
	uint64_t table_address;  /* where memory has its table */
	uint32_t module;         /* of the model; 0: not told yet */
	struct cs_go_table table;
};

/*
 * Finds the moduledata that TABLE belongs to, in the memory of the program IMAGE that lies at
 * BIAS; takes TABLE. GOFUNC_OFFSET is the layout's. -ENOENT with DIAG: there is none, or it
 * contradicts the table.
 */
int cs_go_module_find(struct cs_go_module *module, struct cs_go_memory *memory,
                      const struct cs_go_image *image, uint64_t bias, struct cs_go_table *table,
                      struct cs_diag *diag);

/* Reads gofunc once the layout is known. */
int cs_go_module_settle(struct cs_go_module *module, struct cs_go_memory *memory,
                        uint32_t gofunc_offset);

/*
 * A further module from its moduledata at ADDRESS: its table is copied from memory. -EINVAL:
 * it makes no sense.
 */
int cs_go_module_read(struct cs_go_module *module, struct cs_go_memory *memory, uint64_t address,
                      uint32_t gofunc_offset);

void cs_go_module_close(struct cs_go_module *module);

#endif
