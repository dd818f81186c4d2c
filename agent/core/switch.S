/* SPDX-License-Identifier: Apache-2.0 */
/*
 * void csa_stack_call(void (*fn)(void *), void *arg, void *top);
 *
 * Calls FN(ARG) on the stack that ends at TOP (16-aligned) and returns on the caller's.
 */
#include <cet.h>

	.text
	.globl csa_stack_call
	.hidden csa_stack_call
	.type csa_stack_call, @function
csa_stack_call:
	.cfi_startproc
	_CET_ENDBR
	pushq %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq %rsp, %rbp
	.cfi_def_cfa_register %rbp
	movq %rdx, %rsp
	movq %rdi, %rax
	movq %rsi, %rdi
	call *%rax
	movq %rbp, %rsp
	popq %rbp
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size csa_stack_call, .-csa_stack_call

	.section .note.GNU-stack, "", @progbits
