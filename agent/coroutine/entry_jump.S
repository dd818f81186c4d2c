/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The setjmp family, which returns twice, and the longjmp family, which does not return: both
 * are noted, then passed on by a jump with everything where it was.
 */
#include <cet.h>

	.macro pass name, hook, index
	.globl \name
	.type \name, @function
\name:
	.cfi_startproc
	_CET_ENDBR
	pushq %rdi
	.cfi_adjust_cfa_offset 8
	pushq %rsi
	.cfi_adjust_cfa_offset 8
	leaq 16(%rsp), %rsi
	subq $8, %rsp
	.cfi_adjust_cfa_offset 8
	cmpq $0, csa_jump_real+8*\index(%rip)
	jne 1f
	call csa_jump_find
	movq 16(%rsp), %rdi
	leaq 24(%rsp), %rsi
1:	call \hook
	addq $8, %rsp
	.cfi_adjust_cfa_offset -8
	popq %rsi
	.cfi_adjust_cfa_offset -8
	popq %rdi
	.cfi_adjust_cfa_offset -8
	jmp *csa_jump_real+8*\index(%rip)
	.cfi_endproc
	.size \name, .-\name
	.endm

	.text
	/* The numbers are those of enum csa_jump. */
	pass __sigsetjmp, csa_jump_saved, 0
	pass _setjmp, csa_jump_saved, 1
	pass siglongjmp, csa_jump_taken, 2
	pass longjmp, csa_jump_taken, 3
	pass _longjmp, csa_jump_taken, 4
	pass __longjmp_chk, csa_jump_taken, 5

	.section .note.GNU-stack, "", @progbits
