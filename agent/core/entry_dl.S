/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlopen and dlsym: passed on by a jump with everything where it is, because both look at
 * who called them. What modules that were loaded need is done aside (core/late.c).
 */
#include "core/entry.inc"

/* Calls FUNCTION with the argument registers kept; the stack is aligned in between. */
	.macro aside function
	keep %rdi, %rsi, %rdx
	call \function
	restore %rdx, %rsi, %rdi
	.endm

/* Where an older libc is used without its libdl there is none: that fails. */
	.macro pass function
	movq \function(%rip), %rax
	testq %rax, %rax
	jz 9f
	jmp *%rax
9:	ret
	.endm

	begin dlopen
	aside csa_late_opening
	pass csa_real_dlopen
	end dlopen

	begin dlsym
	cmpq $0, csa_real_dlsym(%rip)
	jz 1f
	movl csa_late_asked(%rip), %eax
	cmpl csa_late_done(%rip), %eax
	je 2f
1:	aside csa_late_look
2:	pass csa_real_dlsym
	end dlsym
