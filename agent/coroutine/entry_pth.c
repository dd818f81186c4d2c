/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program, and Pth itself, call instead of GNU Pth.
 */
#include "coroutine/pth.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#define EXPORT __attribute__((visibility("default")))
#define CALLER() ((uint64_t)__builtin_return_address(0))

EXPORT void *pth_spawn(void *attributes, void *(*start)(void *), void *argument)
{
	return csa_pth_spawn(attributes, start, argument);
}

EXPORT int pth_wait(void *events)
{
	csa_pth_wait(events, CALLER());
	return csa_pth_real.wait(events);
}

EXPORT int pth_yield(void *to)
{
	csa_pth_yield();
	return csa_pth_real.yield(to);
}

EXPORT void pth_exit(void *value)
{
	csa_pth_exit();
	csa_pth_real.exit(value);
}

EXPORT int __pth_attr_ctrl(int command, void *attributes, int what, va_list list)
{
	return csa_pth_attribute(command, attributes, what, list);
}

EXPORT void __pth_pqueue_insert(void *queue, int priority, void *thread)
{
	csa_pth_insert(queue, thread, CALLER());
	csa_pth_real.insert(queue, priority, thread);
}

EXPORT void __pth_tcb_free(void *thread)
{
	csa_pth_free(thread);
	csa_pth_real.free(thread);
}
