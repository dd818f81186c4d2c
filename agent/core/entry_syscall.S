/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscall(number, ...): passed on by a jump, with all arguments where they are, but for
 * SYS_seccomp, after which the agent must be silent (sandbox.c).
 */
#include <sys/syscall.h>

#include "core/entry.inc"

	begin syscall
	movq csa_real_syscall(%rip), %rax
	testq %rax, %rax
	jz 2f
1:	cmpq $SYS_seccomp, %rdi
	je csa_seccomp
	jmp *%rax
2:	keep %rdi, %rsi, %rdx, %rcx, %r8, %r9
	room 8
	call csa_find_syscall
	no_room 8
	restore %r9, %r8, %rcx, %rdx, %rsi, %rdi
	movq csa_real_syscall(%rip), %rax
	jmp 1b
	end syscall
