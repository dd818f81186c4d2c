/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines by swapcontext that note where they are and park: usage: coro_parked COUNT. They
 * come from two sites; see parked.h for what is printed. Then each is switched to once more,
 * and ends.
 */
#include "context.h"
#include "parked.h"

#define STACK_BYTES 16384

struct coroutine {
	struct parked parked;
	ucontext_t context;
};

static ucontext_t here;

static inline void parked_park(struct parked *self)
{
	swapcontext(&((struct coroutine *)self)->context, &here);
}

static void body(unsigned low, unsigned high)
{
	parked_run((struct parked *)context_argument(low, high));
	__asm__ volatile("" ::: "memory");
}

static void start(struct coroutine *c, unsigned number, char *stack)
{
	c->parked.number = number;
	context_make(&c->context, stack, STACK_BYTES, &here, body, c);
	check(swapcontext(&here, &c->context) == 0);
}

SITE static void spawn_even(struct coroutine *c, unsigned number, char *stack)
{
	start(c, number, stack);
	__asm__ volatile("" ::: "memory");
}

SITE static void spawn_odd(struct coroutine *c, unsigned number, char *stack)
{
	start(c, number, stack);
	__asm__ volatile("" ::: "memory");
}

int main(int argc, char **argv)
{
	unsigned long count = argument(argc, argv, 1, 1000);
	struct coroutine *all = (struct coroutine *)calloc(count, sizeof(*all));
	char *stacks = context_stacks(count, STACK_BYTES);

	check(all != NULL);
	for (unsigned long i = 0; i < count; i++)
		(i % 2 ? spawn_odd : spawn_even)(&all[i], (unsigned)i, stacks + i * STACK_BYTES);
	parked_tell(all, count, sizeof(*all));
	for (unsigned long i = 0; i < count; i++)
		check(swapcontext(&here, &all[i].context) == 0);
	say("done\n");
	return 0;
}
