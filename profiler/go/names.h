/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go's addresses as frames and nodes of the model, with names from Go's own tables. Frames are
 * by address, so all sources that see the same code share them.
 */
#ifndef CS_GO_NAMES_H
#define CS_GO_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "go/memory.h"
#include "go/unwind.h"
#include "model/model.h"
#include "model/symbols.h"

struct cs_go_known_stack;

struct cs_go_names {
	struct cs_model *model;
	struct cs_symbols *symbols;
	struct cs_go_memory *memory;
	struct cs_go_places *places;
	struct cs_go_known_stack *known; /* nodes by hash of the stack */
	uint32_t mask, count;
	struct cs_arena texts; /* names that are not as the table has them */
};

int cs_go_names_init(struct cs_go_names *names, struct cs_model *model, struct cs_symbols *symbols,
                     struct cs_go_memory *memory, struct cs_go_places *places);
void cs_go_names_free(struct cs_go_names *names);

/* The frame of KEY (pc * 2 + exact), named; 0: not in Go's code, or no memory. */
uint32_t cs_go_names_frame(struct cs_go_names *names, uint64_t key);

/* Whether calls that are to be shown were inlined into the wrapper at KEY. */
bool cs_go_names_has_inlined(struct cs_go_names *names, uint64_t key);

enum cs_go_hide {
	CS_GO_HIDE_NOTHING, /* but the runtime's start of a goroutine, and wrappers */
	CS_GO_HIDE_RUNTIME, /* also the runtime's own innermost calls, as Go's dumps do */
};

/* The node of STACK; 0: nothing of it is known, or no memory. */
uint32_t cs_go_names_node(struct cs_go_names *names, const struct cs_go_stack *stack,
                          enum cs_go_hide hide);

/* The name of the function that begins at ADDRESS or holds it; "" unknown. */
const char *cs_go_names_function(struct cs_go_names *names, uint64_t address);

#endif
