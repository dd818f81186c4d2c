/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: gc's Go has functions of the same names as gccgo's, and passes arguments in other
 * registers. Calls those of libgo_names.so, which must be preloaded, and says how many of the
 * registers did not arrive.
 */
/* cs-cflags: -mno-red-zone */
#include "target.h"

#define DECLARE(function, name) \
	extern void function(void) __asm__(name) __attribute__((weak, visibility("default")))

DECLARE(gopark, "runtime.gopark");
DECLARE(mcall, "runtime.mcall");
DECLARE(ready, "runtime.ready");
DECLARE(goexit1, "runtime.goexit1");
DECLARE(entersyscall, "runtime.entersyscall");
DECLARE(exitsyscall, "runtime.exitsyscall");
extern uint64_t go_registers[16] __attribute__((weak));

static unsigned long lost_of(void (*function)(void))
{
	unsigned long lost = 0;

	__asm__ volatile("movq $1, %%rax\n"
	                 "movq $2, %%rbx\n"
	                 "movq $3, %%rcx\n"
	                 "movq $5, %%rsi\n"
	                 "movq $6, %%r8\n"
	                 "movq $7, %%r9\n"
	                 "movq $8, %%r10\n"
	                 "movq $9, %%r11\n"
	                 "movq $10, %%r12\n"
	                 "movq $11, %%r14\n"
	                 "movq %%rsi, %%xmm0\n"
	                 "movq %%r8, %%xmm15\n"
	                 "movq $14, %%rdx\n"
	                 "movq %[function], %%r13\n"
	                 "movq $4, %%rdi\n"
	                 "call *%%r13\n"
	                 : [function] "+D"(function)
	                 :
	                 : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12",
	                   "r13", "r14", "xmm0", "xmm15", "memory", "cc");
	static const uint64_t expected[14] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 5, 6, 14};

	for (int i = 0; i < 14; i++)
		lost += go_registers[i] != expected[i];
	return lost;
}

int main(void)
{
	void (*const functions[])(void) = {gopark,  mcall,        ready,
	                                   goexit1, entersyscall, exitsyscall};
	unsigned long lost = 0;

	check(go_registers != NULL);
	free(malloc(100));
	for (unsigned i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		lost += lost_of(functions[i]);
	say("%lu registers were lost\n", lost);
	return 0;
}
