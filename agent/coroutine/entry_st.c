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

EXPORT int st_cond_signal(void *condition)
{
	csa_st_wakes_waiter(condition, false);
	return csa_st_real.signal(condition);
}

EXPORT int st_cond_broadcast(void *condition)
{
	csa_st_wakes_waiter(condition, true);
	return csa_st_real.broadcast(condition);
}

EXPORT int st_mutex_unlock(void *mutex)
{
	csa_st_wakes_locker(mutex);
	return csa_st_real.unlock(mutex);
}

EXPORT void st_thread_interrupt(void *thread)
{
	csa_st_wakes(thread);
	csa_st_real.interrupt(thread);
}

/* These end with a jump: no frame of ours is on a stack while it waits. Only a thread is joined. */
#define X(function, reason)                                                                        \
	EXPORT uintptr_t function(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e, \
	                          uintptr_t f)                                                     \
	{                                                                                          \
		csa_st_waits((uintptr_t)__builtin_return_address(0), CSA_ST_##reason);             \
		if (CSA_ST_##reason == CSA_ST_JOIN)                                                \
			csa_st_wakes_zombie((const void *)a);                                      \
		return csa_st_real.function(a, b, c, d, e, f);                                     \
	}
CSA_ST_WAITS(X)

EXPORT csa_st_callback st_set_switch_in_cb(csa_st_callback callback)
{
	return csa_st_set_in(callback);
}

EXPORT csa_st_callback st_set_switch_out_cb(csa_st_callback callback)
{
	return csa_st_set_out(callback);
}
