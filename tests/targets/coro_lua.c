/* SPDX-License-Identifier: Apache-2.0 */
/* cs-link: -llua5.4 */
/* cs-cflags: -I/usr/include/lua5.4 */
/*
 * Lua's coroutines. usage: coro_lua SCRIPT ARGUMENTS…: runs a file of Lua, which is given
 * `block(bytes)`, an allocation of C; `host(function, …)`, a coroutine that C resumes until it
 * ends; `wait()`, which yields from C; `ready()`, which says so and waits for stdin to end; and
 * `other(library)`, which loads another version of Lua beside this one and makes 5 coroutines
 * there, which are switched to 4 times each; false: it is not there. `state(text)` runs TEXT in a
 * state of its own; `again(function)` runs it, which yields once, several times in one coroutine
 * of C's, and returns how often.
 */
#include <dlfcn.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "target.h"

SITE static void *site_in_lua(size_t bytes)
{
	return malloc(bytes);
}

static int block(lua_State *state)
{
	free(site_in_lua((size_t)luaL_checkinteger(state, 1)));
	return 0;
}

/* A coroutine of the program's own: its resumes are returned. */
static int host(lua_State *state)
{
	int count = lua_gettop(state) - 1, results, status;
	lua_State *thread = lua_newthread(state);
	lua_Integer resumes = 0;

	lua_insert(state, 1);
	lua_xmove(state, thread, count + 1);
	do {
		status = lua_resume(thread, state, count, &results);
		resumes++;
		if (status == LUA_YIELD)
			lua_pop(thread, results);
		count = 0;
	} while (status == LUA_YIELD);
	lua_pushinteger(state, resumes);
	return 1;
}

static int wait_in_c(lua_State *state)
{
	return lua_yield(state, 0);
}

static int other(lua_State *state)
{
	static const char script[] =
		"local function f() for i = 1, 3 do coroutine.yield(i) end end "
		"for i = 1, 5 do local c = coroutine.create(f) "
		"while coroutine.status(c) ~= 'dead' do coroutine.resume(c) end end";
	void *library = dlopen(luaL_checkstring(state, 1), RTLD_NOW | RTLD_LOCAL);

	if (library) {
		lua_State *(*new_state)(void) = (lua_State * (*)(void))
			dlsym(library, "luaL_newstate");
		void (*open)(lua_State *) = (void (*)(lua_State *))dlsym(library, "luaL_openlibs");
		int (*load)(lua_State *, const char *) =
			(int (*)(lua_State *, const char *))dlsym(library, "luaL_loadstring");
		int (*call)(lua_State *, int, int, int, intptr_t, void *) =
			(int (*)(lua_State *, int, int, int, intptr_t, void *))dlsym(library,
		                                                                     "lua_pcallk");
		void (*end)(lua_State *) = (void (*)(lua_State *))dlsym(library, "lua_close");
		lua_State *there;

		check(new_state && open && load && call && end);
		there = new_state();
		check(there != NULL);
		open(there);
		check(load(there, script) == 0 && call(there, 0, 0, 0, 0, NULL) == 0);
		end(there);
		dlclose(library);
	}
	lua_pushboolean(state, library != NULL);
	return 1;
}

static int ready(lua_State *state)
{
	char byte;

	(void)state;
	say("ready\n");
	while (read(0, &byte, 1) > 0)
		continue;
	return 0;
}

static int state_of_its_own(lua_State *state)
{
	lua_State *own = luaL_newstate();

	check(own != NULL);
	luaL_openlibs(own);
	lua_register(own, "block", block);
	check(luaL_dostring(own, luaL_checkstring(state, 1)) == LUA_OK);
	lua_close(own);
	return 0;
}

static int again(lua_State *state)
{
	enum { TIMES = 5 };
	lua_State *thread = lua_newthread(state);
	int results;

	for (int i = 0; i < TIMES; i++) {
		lua_pushvalue(state, 1);
		lua_xmove(state, thread, 1);
		check(lua_resume(thread, state, 0, &results) == LUA_YIELD);
		lua_pop(thread, results);
		check(lua_resume(thread, state, 0, &results) == LUA_OK);
		if (i % 2)
			check(lua_resetthread(thread) == LUA_OK);
	}
	lua_pushinteger(state, TIMES);
	return 1;
}

int main(int argc, char **argv)
{
	lua_State *state = luaL_newstate();

	check(state != NULL && argc > 1);
	luaL_openlibs(state);
	lua_register(state, "block", block);
	lua_register(state, "host", host);
	lua_register(state, "wait", wait_in_c);
	lua_register(state, "ready", ready);
	lua_register(state, "other", other);
	lua_register(state, "state", state_of_its_own);
	lua_register(state, "again", again);
	lua_newtable(state);
	for (int i = 2; i < argc; i++) {
		lua_pushstring(state, argv[i]);
		lua_rawseti(state, -2, i - 1);
	}
	lua_setglobal(state, "arg");
	if (luaL_dofile(state, argv[1]) != LUA_OK) {
		say("%s\n", lua_tostring(state, -1));
		return 70;
	}
	lua_close(state);
	return 0;
}
