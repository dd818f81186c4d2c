/* SPDX-License-Identifier: Apache-2.0 */
/*
 * void csa_stack_call(void (*fn)(void *), void *arg, void *top);
 *
 * Calls FN(ARG) on the stack that ends at TOP (16-aligned) and returns on the caller's.
 */
#include "core/entry.inc"

	.hidden csa_stack_call
	begin csa_stack_call
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
	end csa_stack_call
