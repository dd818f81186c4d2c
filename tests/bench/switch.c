/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch [PART]: nanoseconds of a switch. Prints three numbers, each the lowest of several
 * rounds: by jump_fcontext, by swapcontext, and of one look at the counter. PART, 1 by default:
 * a round has one PARTth of its switches.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <ucontext.h>
#include <x86intrin.h>

#define STACK_BYTES 65536
#define JUMPS 1000000u
#define SWAPS 100000u
#define LOOKS 1000000u
#define ROUNDS 7

struct transfer {
	void *context;
	void *data;
};

struct transfer jump_fcontext(void *to, void *data);
void *make_fcontext(void *stack, size_t bytes, void (*function)(struct transfer));

static ucontext_t main_context, other_context;
static void *other;
static volatile uint64_t sum;
static unsigned part = 1;

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void jump_back(struct transfer from)
{
	for (;;)
		from = jump_fcontext(from.context, NULL);
}

static void swap_back(void)
{
	for (;;)
		swapcontext(&other_context, &main_context);
}

static unsigned jumps(void)
{
	for (unsigned i = 0; i < JUMPS / part; i++)
		other = jump_fcontext(other, NULL).context;
	return 2 * (JUMPS / part);
}

static unsigned swaps(void)
{
	for (unsigned i = 0; i < SWAPS / part; i++)
		swapcontext(&main_context, &other_context);
	return 2 * (SWAPS / part);
}

static unsigned looks(void)
{
	for (unsigned i = 0; i < LOOKS / part; i++)
		sum += __rdtsc();
	return LOOKS / part;
}

static double lowest_ns(unsigned (*work)(void))
{
	double lowest = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double start = now_ns();
		double each = 0;

		each = work();
		each = (now_ns() - start) / each;
		lowest = each < lowest ? each : lowest;
	}
	return lowest;
}

int main(int argc, char **argv)
{
	char *stack = malloc(STACK_BYTES);

	if (argc > 1 && strtoul(argv[1], NULL, 10) > 0)
		part = (unsigned)strtoul(argv[1], NULL, 10);
	other = make_fcontext(stack + STACK_BYTES, STACK_BYTES, jump_back);
	getcontext(&other_context);
	other_context.uc_stack.ss_sp = malloc(STACK_BYTES);
	other_context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&other_context, swap_back, 0);
	/* In this order: after swapcontext has loaded the x87 state, jumps are slow for good. */
	double jump = lowest_ns(jumps), swap = lowest_ns(swaps), look = lowest_ns(looks);

	printf("%.2f %.2f %.2f\n", jump, swap, look);
	return 0;
}
