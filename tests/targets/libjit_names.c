/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For jit_names: Lua's functions as a LuaJIT may have them, with more arguments than Lua's. Each
 * tells what it was given.
 */
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

uint64_t jit_arguments[4];

static int note(void *state, uint64_t second, uint64_t third, uint64_t fourth)
{
	jit_arguments[0] = (uint64_t)state;
	jit_arguments[1] = second;
	jit_arguments[2] = third;
	jit_arguments[3] = fourth;
	return 5;
}

EXPORT void luaJIT_setmode(void)
{
}

EXPORT void *lua_newthread(void *state)
{
	return state;
}

#define FUNCTION(name)                                                                 \
	EXPORT int name(void *state, uint64_t second, uint64_t third, uint64_t fourth) \
	{                                                                              \
		return note(state, second, third, fourth);                             \
	}

FUNCTION(lua_resume)
FUNCTION(lua_resetthread)
FUNCTION(lua_closethread)
