/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gccgo's libgo: goroutines are made by __go_go, scheduled by functions that a thread runs on
 * its own stack, and switched to by getcontext and setcontext of libgo's own.
 *
 * A goroutine is known by the context in its G, which is the same as long as the program runs.
 * Its stack goes on in other pieces when it is full, and the runtime works for it on the
 * thread's stack (systemstack): so who runs is what its switches say, not the stack pointer.
 * The collector looks at a stack by switching to it: that is no switch.
 */
#ifndef CSA_COROUTINE_GCCGO_H
#define CSA_COROUTINE_GCCGO_H

#include <stdint.h>

/* The order of entry_gccgo.S. */
enum csa_gccgo {
	CSA_GCCGO_GO,
	CSA_GCCGO_MAKECONTEXT,
	CSA_GCCGO_SETCONTEXT,
	CSA_GCCGO_MAKE_G,
	CSA_GCCGO_MCALL,
	CSA_GCCGO_PARK,
	CSA_GCCGO_READY,
	CSA_GCCGO_EXIT,
	CSA_GCCGO_SCAN,
	CSA_GCCGO_TRACEBACK,
	CSA_GCCGO_ENTER,
	CSA_GCCGO_ENTER_BLOCK,
	CSA_GCCGO_LEAVE,
	CSA_GCCGO_COUNT
};

/* The caller's registers, and behind them its stack. */
struct csa_gccgo_call {
	uint64_t rax, r10, r9, r8, rcx, rdx, rsi, rdi, rbp, pc;
};

/* Jumped to by entry_gccgo.S; NULL: not found yet. */
extern void *csa_gccgo_real[CSA_GCCGO_COUNT] __attribute__((visibility("hidden")));
/* 0: what has these names is not libgo's (gc's Go has some of them): it is left alone. */
extern uint8_t csa_gccgo_on __attribute__((visibility("hidden")));

/* Called before the real one. */
void csa_gccgo_go(const struct csa_gccgo_call *call);
void csa_gccgo_makecontext(const struct csa_gccgo_call *call);
void csa_gccgo_setcontext(const struct csa_gccgo_call *call);
void csa_gccgo_make_g(const struct csa_gccgo_call *call);
void csa_gccgo_mcall(const struct csa_gccgo_call *call);
void csa_gccgo_park(const struct csa_gccgo_call *call);
void csa_gccgo_ready(const struct csa_gccgo_call *call);
void csa_gccgo_exit(const struct csa_gccgo_call *call);
void csa_gccgo_look(const struct csa_gccgo_call *call);
void csa_gccgo_enter(const struct csa_gccgo_call *call);
void csa_gccgo_leave(const struct csa_gccgo_call *call);

#endif
