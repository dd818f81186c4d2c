/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The versions of Lua in a process, and what each can be asked: by its own functions, of those
 * alone that neither allocate nor run anything nor raise errors.
 */
#ifndef CSA_COROUTINE_LUA_LIBRARY_H
#define CSA_COROUTINE_LUA_LIBRARY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* lua_Debug: what is asked for lies at different places in each version, and it may grow. */
struct csa_lua_record {
	_Alignas(16) char bytes[256];
};

struct csa_lua_layout {
	uint16_t name, line, line_defined, source, state_gap;
	bool count_is_third; /* lua_resume's arguments: state, from, count; else state, count */
};

struct csa_lua_library {
	_Atomic uint64_t unloads; /* csa_unloads when this was right; 0 nothing is here */
	uintptr_t low, high;
	const struct csa_lua_layout *layout; /* NULL: not one that we know */
	int (*get_stack)(void *state, int level, struct csa_lua_record *record);
	int (*get_info)(void *state, const char *what, struct csa_lua_record *record);
	int (*top)(void *state);
	int (*type)(void *state, int index);
	void (*push)(void *state, int index);
	int (*status)(void *state);
};

/* The one that FUNCTION belongs to; NULL: nothing is known of it, or this once nothing. */
const struct csa_lua_library *csa_lua_library_of(void *function);

/* In a forked child: whoever was looking at one is not here. */
void csa_lua_library_forked(void);

#endif
