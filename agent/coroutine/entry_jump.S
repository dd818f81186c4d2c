/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The setjmp family, which returns twice, and the longjmp family, which does not return: both
 * are noted, then passed on by a jump with everything where it was.
 */
#include "core/entry.inc"

	.macro pass name, hook, index
	begin \name
	keep %rdi, %rsi
	leaq 16(%rsp), %rsi
	room 8
	cmpq $0, csa_jump_real+8*\index(%rip)
	jne 1f
	call csa_jump_find
	movq 16(%rsp), %rdi
	leaq 24(%rsp), %rsi
1:	call \hook
	no_room 8
	restore %rsi, %rdi
	jmp *csa_jump_real+8*\index(%rip)
	end \name
	.endm

	/* The numbers are those of enum csa_jump. */
	pass __sigsetjmp, csa_jump_saved, 0
	pass _setjmp, csa_jump_saved, 1
	pass siglongjmp, csa_jump_taken, 2
	pass longjmp, csa_jump_taken, 3
	pass _longjmp, csa_jump_taken, 4
	pass __longjmp_chk, csa_jump_taken, 5
