/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libgo and its programs call instead of libgo's own functions: each is noted, then passed
 * on by a jump with everything where it was. gc's Go has functions of some of these names and
 * another calling convention: for it no register may change.
 */
#include "core/entry.inc"

	.macro pass name, hook, index
	begin \name
	cmpq $0, csa_gccgo_real+8*\index(%rip)
	je 1f
	cmpb $0, csa_gccgo_on(%rip)
	jne 1f
	jmp *csa_gccgo_real+8*\index(%rip)
	/* struct csa_gccgo_call */
1:	keep %rbp, %rdi, %rsi, %rdx, %rcx, %r8, %r9, %r10, %rax
	cmpq $0, csa_gccgo_real+8*\index(%rip)
	jne 2f
	call csa_gccgo_find
2:	movq %rsp, %rdi
	call \hook
	restore %rax, %r10, %r9, %r8, %rcx, %rdx, %rsi, %rdi, %rbp
	jmp *csa_gccgo_real+8*\index(%rip)
	end \name
	.endm

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
