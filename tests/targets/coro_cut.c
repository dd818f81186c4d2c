/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines that wait below functions whose unwind information is missing or wrong: usage:
 * coro_cut COUNT. In turn: none, a frame beyond the stack, one that does not end, one that goes
 * back, right. Says "ready", and goes on at the end of its input.
 */
#include <ucontext.h>

#include "target.h"

#define STACK_BYTES 32768

/* Each calls its argument with 24 bytes of its own on the stack. */
#define THROUGH(name, before, after)                                                      \
	void name(void (*function)(void));                                                \
	__asm__(".text\n.globl " #name "\n.type " #name ",@function\n" #name ":\n" before \
	        "	sub $24,%rsp\n" after "	call *%rdi\n	add $24,%rsp\n	ret\n"        \
	        ".size " #name ",.-" #name "\n")

THROUGH(through_nothing, "", "");
THROUGH(through_beyond, ".cfi_startproc\n", ".cfi_def_cfa_offset 1048576\n");
__asm__(".cfi_endproc\n");
THROUGH(through_loop, ".cfi_startproc\n", ".cfi_def_cfa_offset 0\n.cfi_offset rip,-8\n");
__asm__(".cfi_endproc\n");
THROUGH(through_back, ".cfi_startproc\n", ".cfi_def_cfa_offset -64\n");
__asm__(".cfi_endproc\n");
THROUGH(through_right, ".cfi_startproc\n", ".cfi_adjust_cfa_offset 24\n");
__asm__(".cfi_endproc\n");

static void (*const ways[])(void (*)(void)) = {through_nothing, through_beyond, through_loop,
                                               through_back, through_right};

static ucontext_t main_context, *contexts;
static unsigned long current;

SITE static void park_here(void)
{
	free(malloc(500));
	swapcontext(&contexts[current], &main_context);
	__asm__ volatile("" ::: "memory");
}

SITE static void outermost(void)
{
	for (;;) {
		ways[current % 5](park_here);
		__asm__ volatile("" ::: "memory");
	}
}

int main(int argc, char **argv)
{
	unsigned long count = argument(argc, argv, 1, 10);
	char byte;

	contexts = calloc(count, sizeof(*contexts));
	check(contexts != NULL);
	for (int round = 0; round < 3; round++)
		for (current = 0; current < count; current++) {
			if (round == 0) {
				getcontext(&contexts[current]);
				contexts[current].uc_stack.ss_sp = malloc(STACK_BYTES);
				contexts[current].uc_stack.ss_size = STACK_BYTES;
				makecontext(&contexts[current], outermost, 0);
			}
			swapcontext(&main_context, &contexts[current]);
		}
	say("ready\n");
	while (read(0, &byte, 1) > 0)
		continue;
	say("done\n");
	return 0;
}
