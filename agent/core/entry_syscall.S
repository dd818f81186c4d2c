/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscall(number, ...): passed on by a jump, with all arguments where they are, but for
 * SYS_seccomp, after which the agent must be silent (sandbox.c).
 */
#include <cet.h>
#include <sys/syscall.h>

	.text
	.globl syscall
	.type syscall, @function
syscall:
	.cfi_startproc
	_CET_ENDBR
	movq csa_real_syscall(%rip), %rax
	testq %rax, %rax
	jz 2f
1:	cmpq $SYS_seccomp, %rdi
	je csa_seccomp
	jmp *%rax
2:	pushq %rdi
	.cfi_def_cfa_offset 16
	pushq %rsi
	.cfi_def_cfa_offset 24
	pushq %rdx
	.cfi_def_cfa_offset 32
	pushq %rcx
	.cfi_def_cfa_offset 40
	pushq %r8
	.cfi_def_cfa_offset 48
	pushq %r9
	.cfi_def_cfa_offset 56
	subq $8, %rsp
	.cfi_def_cfa_offset 64
	call csa_find_syscall
	addq $8, %rsp
	.cfi_def_cfa_offset 56
	popq %r9
	.cfi_def_cfa_offset 48
	popq %r8
	.cfi_def_cfa_offset 40
	popq %rcx
	.cfi_def_cfa_offset 32
	popq %rdx
	.cfi_def_cfa_offset 24
	popq %rsi
	.cfi_def_cfa_offset 16
	popq %rdi
	.cfi_def_cfa_offset 8
	movq csa_real_syscall(%rip), %rax
	jmp 1b
	.cfi_endproc
	.size syscall, .-syscall

	.section .note.GNU-stack, "", @progbits
