/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucontext: makecontext, swapcontext, setcontext, getcontext.
 *
 * A coroutine is found by the stack pointer in the context that is switched to: contexts are
 * copied, shared and used again, the stack is not. Its end is no call: its function returns
 * into uc_link, which is noticed at the next event.
 *
 * Where to look is kept in the context itself. libc saves r8 and r9 there, which belong to nobody
 * when a function of two arguments is called: the program finds in them whatever we left. We
 * leave the board's mark and the slot of who leaves, and believe what we find as far as the
 * mark is there and the slot has the stack pointer for its key.
 */
#ifndef CSA_COROUTINE_UCONTEXT_H
#define CSA_COROUTINE_UCONTEXT_H

#include <stdint.h>
#include <ucontext.h>

#include "coroutine/slots.h"
#include "stack/stack.h"

/* swapcontext, with what is in the registers of further arguments. */
typedef int csa_swap(ucontext_t *from, const ucontext_t *to, uint64_t rdx, uint64_t rcx,
                     uint64_t mark, struct cs_slot *slot);

struct csa_ucontext_real {
	csa_swap *swap;
	int (*set)(const ucontext_t *to);
	int (*get)(ucontext_t *context);
	void *make; /* jumped to from entry_ucontext.S */
};

extern struct csa_ucontext_real csa_ucontext_real __attribute__((visibility("hidden")));

/* Of a library whose coroutines these are; the next makecontext of this thread is for it. */
struct csa_ucontext_maker {
	const char *runtime;
	uint64_t entry;
	struct csa_frame at;
	uint16_t flags;   /* enum cs_slot_flag */
	uint64_t context; /* out: the ucontext_t */
};
extern __thread struct csa_ucontext_maker *csa_ucontext_maker
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Behind the entry points: SP is the address of the return address. */
int csa_ucontext_swap(ucontext_t *from, const ucontext_t *to, uint64_t sp);
void csa_ucontext_set(const ucontext_t *to, uint64_t sp);
void csa_ucontext_get(ucontext_t *context, uint64_t sp);
void csa_ucontext_make(ucontext_t *context, void *function, int argc, const struct csa_frame *at);

#endif
