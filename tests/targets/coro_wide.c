/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large program that is alive: usage: coro_wide COUNT. Coroutines by swapcontext that wait at
 * three places, of which one in a hundred goes on to the next place each tenth of a second. It
 * prints "ready" when all are there, and ends when its input does.
 */
#include <poll.h>

#include "context.h"

#define STACK_BYTES 8192
#define WAIT_MS 100

struct coroutine {
	ucontext_t context;
	unsigned at;
};

static ucontext_t here;

#define PLACE(name)                                         \
	SITE static void name(struct coroutine *self)       \
	{                                                   \
		check(!swapcontext(&self->context, &here)); \
		__asm__ volatile("" ::: "memory");          \
	}

PLACE(wait_for_request)
PLACE(wait_for_answer)
PLACE(wait_for_turn)

static void body(unsigned low, unsigned high)
{
	struct coroutine *self = (struct coroutine *)context_argument(low, high);

	for (;; self->at++) {
		switch (self->at % 3) {
		case 0:
			wait_for_request(self);
			break;
		case 1:
			wait_for_answer(self);
			break;
		default:
			wait_for_turn(self);
		}
	}
}

static void start(struct coroutine *c, unsigned number, char *stack)
{
	c->at = number;
	context_make(&c->context, stack, STACK_BYTES, &here, body, c);
	check(swapcontext(&here, &c->context) == 0);
}

int main(int argc, char **argv)
{
	size_t count = argument(argc, argv, 1, 1000), next = 0;
	struct pollfd input = {.fd = 0, .events = POLLIN};
	size_t bytes = count * sizeof(struct coroutine);
	struct coroutine *all = (struct coroutine *)mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	                                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *stacks = context_stacks(count, STACK_BYTES);

	check(all != MAP_FAILED);
	for (size_t i = 0; i < count; i++)
		start(&all[i], (unsigned)i, stacks + i * STACK_BYTES);
	say("ready\n");
	while (poll(&input, 1, WAIT_MS) == 0)
		for (size_t i = 0; i < count / 100 + 1; i++, next = (next + 1) % count)
			check(swapcontext(&here, &all[next].context) == 0);
	return 0;
}
