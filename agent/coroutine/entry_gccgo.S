/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libgo and its programs call instead of libgo's own functions: each is noted, then passed
 * on by a jump with everything where it was. gc's Go has functions of some of these names and
 * another calling convention: for it no register may change.
 */
#include <cet.h>

	.macro pass name, hook, index
	.globl \name
	.type \name, @function
\name:
	.cfi_startproc
	_CET_ENDBR
	cmpq $0, csa_gccgo_real+8*\index(%rip)
	je 1f
	cmpb $0, csa_gccgo_on(%rip)
	jne 1f
	jmp *csa_gccgo_real+8*\index(%rip)
	/* struct csa_gccgo_call */
1:	pushq %rbp
	.cfi_adjust_cfa_offset 8
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
	pushq %r10
	.cfi_adjust_cfa_offset 8
	pushq %rax
	.cfi_adjust_cfa_offset 8
	cmpq $0, csa_gccgo_real+8*\index(%rip)
	jne 2f
	call csa_gccgo_find
2:	movq %rsp, %rdi
	call \hook
	popq %rax
	.cfi_adjust_cfa_offset -8
	popq %r10
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
	popq %rbp
	.cfi_adjust_cfa_offset -8
	jmp *csa_gccgo_real+8*\index(%rip)
	.cfi_endproc
	.size \name, .-\name
	.endm

	.text
	/* The numbers are those of enum csa_gccgo. */
	pass __go_go, csa_gccgo_go, 0
	pass __go_makecontext, csa_gccgo_makecontext, 1
	pass __go_setcontext, csa_gccgo_setcontext, 2
	pass runtime.makeGContext, csa_gccgo_make_g, 3
	pass runtime.mcall, csa_gccgo_mcall, 4
	pass runtime.gopark, csa_gccgo_park, 5
	pass runtime.ready, csa_gccgo_ready, 6
	pass runtime.goexit1, csa_gccgo_exit, 7
	pass runtime.doscanstackswitch, csa_gccgo_look, 8
	pass runtime.getTraceback, csa_gccgo_look, 9
	pass runtime.entersyscall, csa_gccgo_enter, 10
	pass runtime.entersyscallblock, csa_gccgo_enter, 11
	pass runtime.exitsyscall, csa_gccgo_leave, 12

	.section .note.GNU-stack, "", @progbits
