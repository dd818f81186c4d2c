/* SPDX-License-Identifier: Apache-2.0 */
/*
 * makecontext(context, function, argc, ...), whose arguments may be on the stack, and
 * getcontext(context), which returns twice: both are noted, then passed on by a jump with
 * everything where it was.
 */
#include <cet.h>

	.text
	.globl makecontext
	.type makecontext, @function
makecontext:
	.cfi_startproc
	_CET_ENDBR
	pushq %rdi
	.cfi_adjust_cfa_offset 8
	pushq %rsi
	.cfi_adjust_cfa_offset 8
	pushq %rdx
	.cfi_adjust_cfa_offset 8
	pushq %rcx
	.cfi_adjust_cfa_offset 8
	pushq %r8
	.cfi_adjust_cfa_offset 8
	pushq %r9
	.cfi_adjust_cfa_offset 8
	pushq %rax
	.cfi_adjust_cfa_offset 8
	/* struct csa_frame: the caller's pc, sp, bp */
	leaq 64(%rsp), %rax
	pushq %rbp
	.cfi_adjust_cfa_offset 8
	pushq %rax
	.cfi_adjust_cfa_offset 8
	pushq -8(%rax)
	.cfi_adjust_cfa_offset 8
	movq %rsp, %rcx
	subq $8, %rsp
	.cfi_adjust_cfa_offset 8
	call csa_ucontext_make
	cmpq $0, csa_ucontext_real+24(%rip)
	jne 1f
	call csa_ucontext_find
1:	addq $32, %rsp
	.cfi_adjust_cfa_offset -32
	popq %rax
	.cfi_adjust_cfa_offset -8
	popq %r9
	.cfi_adjust_cfa_offset -8
	popq %r8
	.cfi_adjust_cfa_offset -8
	popq %rcx
	.cfi_adjust_cfa_offset -8
	popq %rdx
	.cfi_adjust_cfa_offset -8
	popq %rsi
	.cfi_adjust_cfa_offset -8
	popq %rdi
	.cfi_adjust_cfa_offset -8
	jmp *csa_ucontext_real+24(%rip)
	.cfi_endproc
	.size makecontext, .-makecontext

	.globl getcontext
	.type getcontext, @function
getcontext:
	.cfi_startproc
	_CET_ENDBR
	movq %rsp, %rsi
	pushq %rdi
	.cfi_adjust_cfa_offset 8
	call csa_ucontext_get
	popq %rdi
	.cfi_adjust_cfa_offset -8
	jmp *csa_ucontext_real+16(%rip)
	.cfi_endproc
	.size getcontext, .-getcontext

	.section .note.GNU-stack, "", @progbits
