/* SPDX-License-Identifier: Apache-2.0 */
/* cs-link: -llua5.4 -Wl,-z,now */
/* cs-cflags: -I/usr/include/lua5.4 */
/* What the hooks of Lua need of the stack of who resumes. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "hooks.h"

static lua_State *state, *thread;

static void create(void)
{
	thread = lua_newthread(state);
	check(luaL_loadstring(thread, "while true do coroutine.yield() end") == LUA_OK);
}

static void resume(void)
{
	int results;

	check(lua_resume(thread, state, 0, &results) == LUA_YIELD);
}

static void reset(void)
{
	lua_resetthread(thread);
}

int main(void)
{
	state = luaL_newstate();
	check(state != NULL);
	luaL_openlibs(state);
	measure("lua_newthread", create, NULL);
	measure("lua_resume", resume, NULL);
	measure("lua_resetthread", reset, NULL);
	lua_close(state);
	report();
	return 0;
}
