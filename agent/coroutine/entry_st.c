/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program calls instead of State Threads.
 */
#include "coroutine/st.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#define EXPORT __attribute__((visibility("default")))

EXPORT int st_init(void)
{
	return csa_st_init();
}

EXPORT void *st_thread_create(void *(*start)(void *), void *argument, int joinable, int stack_bytes)
{
	return csa_st_create(start, argument, joinable, stack_bytes);
}

EXPORT void st_thread_exit(void *value)
{
	csa_st_exit(value);
}

EXPORT csa_st_callback st_set_switch_in_cb(csa_st_callback callback)
{
	return csa_st_set_in(callback);
}

EXPORT csa_st_callback st_set_switch_out_cb(csa_st_callback callback)
{
	return csa_st_set_out(callback);
}
