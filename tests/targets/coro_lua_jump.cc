// SPDX-License-Identifier: Apache-2.0
// cs-link: -llua5.4
// cs-cflags: -I/usr/include/lua5.4 -fno-builtin
// Coroutines of Lua that are left by a jump or an exception that passes lua_resume: usage:
// coro_lua_jump CASE. Prints how many were made, resumed, have finished, were left; the blocks of
// 93331 bytes are allocated outside of all coroutines, those of 94331 within one that goes on.
//
//   throw    an exception is caught by who has resumed the coroutine
//   jump     a longjmp leads there
//   far      each passes two coroutines, one within the other
//   within   a coroutine goes on when another one that it has resumed is left so
//   silent   the same, and nobody hears of it before it yields
#include <csetjmp>
#include <lua.hpp>

#include "target.h"

static unsigned made, resumed, finished, left;
static jmp_buf outside;
static bool jumps;

SITE static void site_outside()
{
	free(malloc(93331));
}

SITE static void site_within()
{
	free(malloc(94331));
}

static lua_State *create(lua_State *state, lua_CFunction function)
{
	lua_State *thread = lua_newthread(state);

	made++;
	lua_pushcfunction(thread, function);
	return thread;
}

static int resume(lua_State *thread, lua_State *from)
{
	int results, status;

	resumed++;
	status = lua_resume(thread, from, 0, &results);
	if (status == LUA_YIELD)
		lua_pop(thread, results);
	finished += status == LUA_OK;
	return status;
}

static int leave(lua_State *)
{
	site_within();
	left++;
	if (jumps)
		longjmp(outside, 1);
	throw 1;
}

/* Who resumes it goes on behind its call. */
SITE static void go_through(lua_State *state, lua_CFunction function)
{
	lua_State *thread = create(state, function);

	if (jumps) {
		if (setjmp(outside) == 0)
			resume(thread, state);
		return;
	}
	try {
		resume(thread, state);
	} catch (int) {
	}
}

static void run_simple(lua_State *state)
{
	go_through(state, leave);
	site_outside();
}

static int leave_from_far(lua_State *state)
{
	left++; /* this one, too */
	resume(create(state, leave), state);
	return 0;
}

static void run_far(lua_State *state)
{
	go_through(state, leave_from_far);
	site_outside();
}

static bool silent;

static int go_on(lua_State *state)
{
	for (int i = 0; i < 2; i++) {
		go_through(state, leave);
		if (!silent)
			site_within();
	}
	return lua_yieldk(state, 0, 0, [](lua_State *, int, lua_KContext) {
		site_within();
		return 0;
	});
}

static void run_within(lua_State *state)
{
	lua_State *thread = create(state, go_on);

	check(resume(thread, state) == LUA_YIELD);
	site_outside();
	check(resume(thread, state) == LUA_OK);
	site_outside();
}

static void run_silent(lua_State *state)
{
	silent = true;
	run_within(state);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(lua_State *);
		bool jumps, both;
	} cases[] = {
		{"throw", run_simple, false, false}, {"jump", run_simple, true, false},
		{"far", run_far, false, true},       {"within", run_within, false, true},
		{"silent", run_silent, false, true},
	};

	for (const auto &one : cases) {
		for (int i = 0; argc > 1 && !strcmp(argv[1], one.name) && i < 20; i++) {
			lua_State *state = luaL_newstate();

			jumps = one.both ? i % 2 : one.jumps;
			check(state != nullptr);
			one.run(state);
			site_outside();
			/* Lua counts calls that have never come back: it can't be closed. */
		}
	}
	say("{\"created\": %u, \"switches\": %u, \"finished\": %u, \"left\": %u}\n", made, resumed,
	    finished, left);
	return 0;
}
