/* SPDX-License-Identifier: Apache-2.0 */
/*
 * void csa_annotated_leave(struct coroscope *from, struct coroscope *to);
 *
 * The registers with which the caller goes on, into FROM (NULL: nobody wants them).
 */
#include "core/entry.inc"

	.hidden csa_annotated_leave
	begin csa_annotated_leave
	leaq 8(%rsp), %rdx
	testq %rdi, %rdi
	jz 1f
	movq %rbx, (%rdi)
	movq %rbp, 8(%rdi)
	movq %r12, 16(%rdi)
	movq %r13, 24(%rdi)
	movq %r14, 32(%rdi)
	movq %r15, 40(%rdi)
	movq %rdx, 48(%rdi)
	movq (%rsp), %rax
	movq %rax, 56(%rdi)
1:	jmp csa_annotated_switch
	end csa_annotated_leave
