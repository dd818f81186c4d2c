/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: an executable with a swapcontext of its own, made of getcontext and setcontext; so the
 * recorder's is never called: usage: coro_own_swap COUNT ROUNDS.
 */
#include <ucontext.h>

#include "target.h"

#define STACK_BYTES 16384

static ucontext_t main_context;
static ucontext_t contexts[64];
static unsigned long running, rounds, entered;

int swapcontext(ucontext_t *from, const ucontext_t *to)
{
	volatile bool back = false;

	check(getcontext(from) == 0);
	if (!back) {
		back = true;
		setcontext(to);
	}
	return 0;
}

static void body(void)
{
	unsigned long me = running;

	for (unsigned long i = 1;; i++) {
		entered++;
		free(malloc(66));
		if (me % 2 && i == rounds)
			return;
		swapcontext(&contexts[me], &main_context);
	}
}

int main(int argc, char **argv)
{
	unsigned long count = argument(argc, argv, 1, 10);

	rounds = argument(argc, argv, 2, 5);
	check(count <= 64);
	for (unsigned long i = 0; i < count; i++) {
		check(getcontext(&contexts[i]) == 0);
		contexts[i].uc_stack.ss_sp = malloc(STACK_BYTES);
		contexts[i].uc_stack.ss_size = STACK_BYTES;
		contexts[i].uc_link = &main_context;
		makecontext(&contexts[i], body, 0);
	}
	for (unsigned long round = 0; round < rounds; round++)
		for (running = 0; running < count; running++)
			check(swapcontext(&main_context, &contexts[running]) == 0);
	say("{\"created\": %lu, \"switches\": %lu, \"finished\": %lu}\n", count, entered,
	    count / 2);
	return 0;
}
