/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlopen and dlsym: passed on by a jump with everything where it is, because both look at
 * who called them. Only RTLD_DEEPBIND, and what is left to do after it, goes another way.
 */
#include "core/entry.inc"

#define RTLD_DEEPBIND 8

/* Calls FUNCTION with the argument registers kept; the stack is aligned in between. */
	.macro aside function
	keep %rdi, %rsi, %rdx
	call \function
	restore %rdx, %rsi, %rdi
	.endm

	begin dlopen
	cmpq $0, csa_real_dlopen(%rip)
	jnz 1f
	aside csa_deepbind_bind
1:	testl $RTLD_DEEPBIND, %esi
	jz 2f
	aside csa_deepbind_ask
2:	jmp *csa_real_dlopen(%rip)
	end dlopen

	begin dlsym
	cmpq $0, csa_real_dlsym(%rip)
	jz 1f
	cmpl $0, csa_deepbind_wanted(%rip)
	jz 2f
1:	aside csa_deepbind_bind
2:	jmp *csa_real_dlsym(%rip)
	end dlsym
