/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For go_names: functions that are called as gc's Go calls its own, in a library that has the
 * names of Go's runtime (as `go build -linkshared` makes them). Each notes all registers.
 */
#include <stdint.h>

uint64_t go_registers[16];

#define NOTE(name)                                          \
	__asm__(".text\n"                                   \
	        ".globl " name "\n"                         \
	        ".type " name ", @function\n" name ":\n"    \
	        "	pushq %rdx\n"                             \
	        "	movq go_registers@GOTPCREL(%rip), %rdx\n" \
	        "	movq %rax, (%rdx)\n"                      \
	        "	movq %rbx, 8(%rdx)\n"                     \
	        "	movq %rcx, 16(%rdx)\n"                    \
	        "	movq %rdi, 24(%rdx)\n"                    \
	        "	movq %rsi, 32(%rdx)\n"                    \
	        "	movq %r8, 40(%rdx)\n"                     \
	        "	movq %r9, 48(%rdx)\n"                     \
	        "	movq %r10, 56(%rdx)\n"                    \
	        "	movq %r11, 64(%rdx)\n"                    \
	        "	movq %r12, 72(%rdx)\n"                    \
	        "	movq %r14, 80(%rdx)\n"                    \
	        "	movq %xmm0, 88(%rdx)\n"                   \
	        "	movq %xmm15, 96(%rdx)\n"                  \
	        "	popq %rcx\n"                              \
	        "	movq %rcx, 104(%rdx)\n"                   \
	        "	ret\n"                                    \
	        ".size " name ", .-" name "\n")

NOTE("runtime.gopark");
NOTE("runtime.mcall");
NOTE("runtime.ready");
NOTE("runtime.goexit1");
NOTE("runtime.entersyscall");
NOTE("runtime.exitsyscall");
