/* SPDX-License-Identifier: Apache-2.0 */
/*
 * makecontext(context, function, argc, ...), whose arguments may be on the stack, and
 * getcontext(context), which returns twice: both are noted, then passed on by a jump with
 * everything where it was.
 */
#include "core/entry.inc"

	begin makecontext
	keep %rdi, %rsi, %rdx, %rcx, %r8, %r9, %rax
	/* struct csa_frame: the caller's pc, sp, bp */
	leaq 64(%rsp), %rax
	keep %rbp, %rax, -8(%rax)
	movq %rsp, %rcx
	room 8
	call csa_ucontext_make
	cmpq $0, csa_ucontext_real+24(%rip)
	jne 1f
	call csa_ucontext_find
1:	no_room 32
	restore %rax, %r9, %r8, %rcx, %rdx, %rsi, %rdi
	jmp *csa_ucontext_real+24(%rip)
	end makecontext

	begin getcontext
	movq %rsp, %rsi
	keep %rdi
	call csa_ucontext_get
	restore %rdi
	jmp *csa_ucontext_real+16(%rip)
	end getcontext
