/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lua's coroutines, where Lua is a shared library: they have no stack of the machine, but run on
 * that of who resumes them, so who runs is who was resumed last and has not yielded.
 *
 * A coroutine is known by the block of its lua_State: with that it is freed. LuaJIT switches
 * without a call that can be seen, and is left alone.
 */
#ifndef CSA_COROUTINE_LUA_H
#define CSA_COROUTINE_LUA_H

#include <stdint.h>

#include "stack/stack.h"

/* The registers that arguments come in: their meaning differs between versions. */
struct csa_lua_arguments {
	uint64_t second, third, fourth;
};

int csa_lua_resume(void *state, const struct csa_lua_arguments *more, const struct csa_frame *at);
void *csa_lua_new(void *state, const struct csa_frame *at);
/* STATE, which does not run, is about to be emptied. */
void csa_lua_reset(const void *state, uint64_t caller);

#endif
