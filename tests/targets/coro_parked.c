/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines by swapcontext that note where they are and park: usage: coro_parked COUNT. They
 * come from two sites; see parked.h for what is printed. Then each is switched to once more,
 * and ends.
 */
#include <sys/mman.h>
#include <ucontext.h>

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
	parked_run((struct parked *)((uintptr_t)high << 32 | low));
	__asm__ volatile("" ::: "memory");
}

static void start(struct coroutine *c, unsigned number, char *stack)
{
	c->parked.number = number;
	check(getcontext(&c->context) == 0);
	c->context.uc_stack.ss_sp = stack;
	c->context.uc_stack.ss_size = STACK_BYTES;
	c->context.uc_link = &here;
	makecontext(&c->context, (void (*)(void))body, 2, (unsigned)(uintptr_t)c,
	            (unsigned)((uintptr_t)c >> 32));
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
	/* One pool: a mapping for each would meet vm.max_map_count. */
	char *stacks = (char *)mmap(NULL, count * STACK_BYTES, PROT_READ | PROT_WRITE,
	                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	check(all && stacks != MAP_FAILED);
	for (unsigned long i = 0; i < count; i++)
		(i % 2 ? spawn_odd : spawn_even)(&all[i], (unsigned)i, stacks + i * STACK_BYTES);
	parked_tell(all, count, sizeof(*all));
	for (unsigned long i = 0; i < count; i++)
		check(swapcontext(&here, &all[i].context) == 0);
	say("done\n");
	return 0;
}
