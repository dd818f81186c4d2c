/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coro_lua with the Lua that was compiled as C++: its errors are exceptions, not jumps. Debian 13
 * has one whose functions have C++'s names.
 */
/* cs-link: -llua5.4-c++ */
/* cs-symbol: lua_resume */
/* cs-cflags: -I/usr/include/lua5.4 */
#include "coro_lua.c"
