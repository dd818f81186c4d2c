/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtimes that are interposed, and how the real functions are found.
 *
 * What the program was started with is found once. A runtime that is loaded later may be
 * unloaded, or be there twice: then each call asks again, unless the last answer was for the
 * same caller and nothing has been unloaded since.
 */
#ifndef CSA_COROUTINE_ADAPTERS_H
#define CSA_COROUTINE_ADAPTERS_H

#include <stdint.h>

/* Finds the real functions of all adapters; once, when the agent starts. */
void csa_adapters_find(void);

/* The program's own functions behind ours. Each begins as one that finds it first. */
struct csa_real_function {
	const char *name;
	void **pinned; /* called directly */
	void *boot;    /* what *pinned is as long as it has to be looked for */
};

void csa_real_pin(const struct csa_real_function *functions, uint32_t count);

/* NAME as CALLER (a return address) would have found it without us; NULL nowhere. */
void *csa_real_for(const char *name, uintptr_t caller);

/* The same of a caller that has not run yet: another may have been at its place before. */
void *csa_real_now(const char *name, uintptr_t caller);

/*
 * As csa_real_for(), to be called at once, of a runtime that may have been unloaded since its
 * caller was bound to us: then a function that does nothing but set errno to ENOSYS and return 0
 * or NULL; or -1, where that is how the runtime fails.
 */
void *csa_real_or_none(const char *name, uintptr_t caller);
void *csa_real_or_fail(const char *name, uintptr_t caller);

/* One a file, in the order of enum. */
void csa_ucontext_find(void);
void csa_fcontext_find(void);
void csa_jump_find(void);
void csa_st_find(void);
void csa_fiber_find(void);
void csa_gccgo_find(void);
void csa_pth_find(void);

#endif
