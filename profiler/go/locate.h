/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the runtime's variables are, found without symbols: by the operands of functions that
 * are known to use them. A candidate counts only if what it holds has the structure that it
 * must have, so a changed function gives an absent variable and not a wrong one.
 */
#ifndef CS_GO_LOCATE_H
#define CS_GO_LOCATE_H

#include <stdint.h>

#include "base/diag.h"
#include "go/layout.h"
#include "go/memory.h"
#include "go/module.h"

/* Addresses; 0: not found. */
struct cs_go_variables {
	uint64_t allglen, allgptr;
	uint64_t sched;
	uint64_t allm;
	uint64_t allp; /* a slice */
	uint64_t gomaxprocs;
	uint64_t wait_reasons; /* strings */
	uint64_t wait_reason_count;
	uint64_t memory_buckets, block_buckets, mutex_buckets;
	uint64_t profile_cycle;
	uint64_t no_profile; /* a byte: 1 where the linker has turned the heap profile off */
	uint64_t memory_rate, block_rate, mutex_rate;
	uint64_t memstats;
	uint64_t heap_in_use; /* of gcController */
	uint64_t sweepgen;    /* of mheap_; its list of spans is 8 bytes behind it */
};

/*
 * 0; -ENOTSUP (in this layout) or -ENOENT (in none) with DIAG: without goroutines there is
 * nothing to be told.
 */
int cs_go_locate(struct cs_go_variables *variables, const struct cs_go_module *module,
                 const struct cs_go_layout *layout, struct cs_go_memory *memory,
                 struct cs_diag *diag);

#endif
