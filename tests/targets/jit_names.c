/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: functions of Lua's names take other arguments in other versions (lua_resetthread of
 * OpenResty's LuaJIT has two). Calls those of libjit_names.so, which must be preloaded, and says
 * how many arguments did not arrive.
 */
#include "target.h"

typedef int function(void *state, uint64_t second, uint64_t third, uint64_t fourth);

extern function lua_resume __attribute__((weak));
extern function lua_resetthread __attribute__((weak));
extern function lua_closethread __attribute__((weak));
extern void *lua_newthread(void *state) __attribute__((weak));
extern uint64_t jit_arguments[4] __attribute__((weak));

static unsigned long lost_of(function *called, void *state)
{
	unsigned long lost = called(state, 12, 13, 14) != 5;

	lost += jit_arguments[0] != (uint64_t)state;
	for (uint64_t i = 1; i < 4; i++)
		lost += jit_arguments[i] != 11 + i;
	memset(jit_arguments, 0, sizeof(jit_arguments));
	return lost;
}

int main(void)
{
	function *const functions[] = {lua_resume, lua_resetthread, lua_closethread};
	static char state[64];
	unsigned long lost = 0;

	check(jit_arguments != NULL && lua_newthread(state) == state);
	for (unsigned i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		lost += lost_of(functions[i], state);
	say("%lu arguments were lost\n", lost);
	return 0;
}
