/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switches by sigsetjmp and siglongjmp, as QEMU's coroutines make them: a jump to another stack
 * is a switch. Where coroutines come from is told by others (makecontext), or by the stack.
 */
#ifndef CSA_COROUTINE_JUMP_H
#define CSA_COROUTINE_JUMP_H

#include <stdint.h>

enum csa_jump {
	CSA_JUMP_SIGSETJMP,
	CSA_JUMP_SETJMP,
	CSA_JUMP_SIGLONGJMP,
	CSA_JUMP_LONGJMP,
	CSA_JUMP_LONGJMP_OLD,
	CSA_JUMP_LONGJMP_CHECKED,
	CSA_JUMP_COUNT
};

extern void *csa_jump_real[CSA_JUMP_COUNT] __attribute__((visibility("hidden")));

/* Called by entry_jump.S before the real ones; SP is the address of the return address. */
void csa_jump_saved(const uint64_t *environment, uint64_t sp);
void csa_jump_taken(const uint64_t *environment, uint64_t sp);

#endif
