/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of a running process to frames of the model, by what the kernel says is mapped
 * where: for processes without an agent, and for code that an agent or a runtime's reader
 * does not know. Modules get the same ids as from any other source: path and build id.
 *
 * Mappings are read again when an address lies in none that is known, now and then.
 */
#ifndef CS_KERNEL_CODE_H
#define CS_KERNEL_CODE_H

#include <stdint.h>

#include "model/model.h"
#include "source/modules.h"

/* As cs_collector_options.on_module: takes FD, which may be -1. */
typedef void cs_code_module(void *context, uint32_t module, int fd, const char *path);

struct cs_code {
	struct cs_model *model;
	uint32_t pid;
	cs_code_module *on_module; /* NULL: none */
	void *context;
	struct cs_module_map map;
	uint64_t read_ns; /* when mappings were read last; 0 never */
};

void cs_code_start(struct cs_code *code, struct cs_model *model, uint32_t pid,
                   cs_code_module *on_module, void *context);
void cs_code_stop(struct cs_code *code);

/*
 * The frame of the instruction at ADDRESS (of a return address minus 1); NOW_NS of any clock
 * that goes forward. In no module: the bare address. 0: no memory.
 */
uint32_t cs_code_frame(struct cs_code *code, uint64_t address, uint64_t now_ns);
/* NULL: no module lies there. */
const struct cs_module_range *cs_code_find(struct cs_code *code, uint64_t address, uint64_t now_ns);

/* For tests and the fuzzer: one line of /proc/PID/maps. */
void cs_code_line(struct cs_code *code, char *line);

#endif
