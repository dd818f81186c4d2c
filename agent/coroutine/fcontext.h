/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boost.Context: make_fcontext, jump_fcontext, ontop_fcontext, and so what is built on them:
 * Coroutine, Coroutine2, Fiber, Asio's stackful coroutines.
 *
 * A context is a pointer into its own stack, where jump_fcontext has put the registers; it is
 * valid for one resumption. So it is the key by which the coroutine is found again.
 */
#ifndef CSA_COROUTINE_FCONTEXT_H
#define CSA_COROUTINE_FCONTEXT_H

#include <stddef.h>
#include <stdint.h>

struct csa_transfer {
	void *context;
	void *data;
};

struct csa_fcontext_real {
	struct csa_transfer (*jump)(void *to, void *data);
	struct csa_transfer (*ontop)(void *to, void *data, void *function);
	void *(*make)(void *stack, size_t bytes, void *function);
};

extern struct csa_fcontext_real csa_fcontext_real __attribute__((visibility("hidden")));

/* What jump_fcontext puts on the stack below its return address. */
extern uint32_t csa_fcontext_bytes __attribute__((visibility("hidden")));

/* Behind the entry points: they jump here, and these on to the real function. SP is the address
 * of the return address. */
struct csa_transfer csa_fcontext_jump(void *to, void *data, uint64_t sp);
struct csa_transfer csa_fcontext_ontop(void *to, void *data, void *function, uint64_t sp);
void *csa_fcontext_make(void *stack, size_t bytes, void *function);

#endif
