/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GNU Pth: its threads switch by swapcontext, so ucontext.c tells of their births and switches.
 * What is told here is what Pth knows beyond that: who said pth_spawn, names, what they wait
 * for, its queues, and ends.
 *
 * Its queues are moved by functions that it calls through its own exports. Its first thread,
 * "main", runs on the stack of the thread that has called pth_init: it is a coroutine as well.
 */
#ifndef CSA_COROUTINE_PTH_H
#define CSA_COROUTINE_PTH_H

#include <stdarg.h>
#include <stdint.h>

struct csa_pth_real {
	void *(*spawn)(void *attributes, void *(*start)(void *), void *argument);
	int (*wait)(void *events);
	int (*yield)(void *to);
	void (*exit)(void *value);
	int (*attribute)(int command, void *attributes, int what, va_list list);
	void (*insert)(void *queue, int priority, void *thread);
	void (*free)(void *thread);
};

extern struct csa_pth_real csa_pth_real __attribute__((visibility("hidden")));

void *csa_pth_spawn(void *attributes, void *(*start)(void *), void *argument);
/* Before the real ones. */
void csa_pth_wait(void *events, uint64_t caller);
void csa_pth_yield(void);
void csa_pth_exit(void);
void csa_pth_insert(const void *queue, void *thread, uint64_t caller);
void csa_pth_free(void *thread);
int csa_pth_attribute(int command, void *attributes, int what, va_list list);

#endif
