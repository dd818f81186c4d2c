/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs, and Lua itself, call instead of Lua. It may be there in several versions: each
 * call is passed on to the one that its caller would have found.
 */
#include "coroutine/adapters.h"
#include "coroutine/lua.h"
#include "heap/hook.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#define EXPORT __attribute__((visibility("default")))
#define CALLER() ((uintptr_t)__builtin_return_address(0))

EXPORT int lua_resume(void *state, uint64_t second, uint64_t third, uint64_t fourth)
{
	const struct csa_lua_arguments more = {second, third, fourth};
	const struct csa_frame at = CSA_CALLER();

	return csa_lua_resume(state, &more, &at);
}

EXPORT void *lua_newthread(void *state)
{
	const struct csa_frame at = CSA_CALLER();

	return csa_lua_new(state, &at);
}

/* All that may be arguments is passed on: of OpenResty's LuaJIT the second says who is emptied. */
typedef int empty_function(void *state, uint64_t second, uint64_t third, uint64_t fourth);

EXPORT int lua_resetthread(void *state, uint64_t second, uint64_t third, uint64_t fourth)
{
	empty_function *real = csa_real_or_fail("lua_resetthread", CALLER());

	csa_lua_reset(state, CALLER());
	return real(state, second, third, fourth);
}

EXPORT int lua_closethread(void *state, uint64_t second, uint64_t third, uint64_t fourth)
{
	empty_function *real = csa_real_or_fail("lua_closethread", CALLER());

	csa_lua_reset(state, CALLER());
	return real(state, second, third, fourth);
}
