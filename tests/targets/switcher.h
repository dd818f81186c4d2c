/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest switcher of stacks, for programs whose coroutines no library makes: nobody knows
 * it by name.
 */
#ifndef SWITCHER_H
#define SWITCHER_H

#include <stdint.h>
#include <string.h>

/* Saves what the ABI wants to be saved, and where, in *FROM, and goes on with TO. */
void switch_stacks(void **from, void *to);
__asm__(".text\n.globl switch_stacks\n.type switch_stacks,@function\nswitch_stacks:\n"
        "	.cfi_startproc\n"
        "	push %rbp\n	push %rbx\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n"
        "	mov %rsp,(%rdi)\n	mov %rsi,%rsp\n"
        "	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbx\n	pop %rbp\n"
        "	ret\n	.cfi_endproc\n.size switch_stacks,.-switch_stacks\n");

/* What to switch to, so that BODY begins on the stack that ends at END. */
static inline void *first_stack(char *end, void (*body)(void))
{
	void **top = (void **)((uintptr_t)end & ~(uintptr_t)15);

	*--top = NULL; /* BODY's caller: nobody */
	*--top = (void *)body;
	top -= 6; /* what switch_stacks takes off */
	memset(top, 0, 6 * sizeof(*top));
	return top;
}

#endif
