/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines as QEMU's: begun once by swapcontext, from then on switched by sigsetjmp and
 * siglongjmp: usage: coro_jump COUNT ROUNDS. Between switches each also handles an error of its
 * own with setjmp and longjmp, which is no switch.
 */
#include <setjmp.h>
#include <ucontext.h>

#include "target.h"

#define STACK_BYTES 16384

struct coroutine {
	sigjmp_buf environment;
	sigjmp_buf caller;
	char *stack;
	unsigned long entered;
};

static struct coroutine *current;

static void go(sigjmp_buf from, sigjmp_buf to)
{
	if (sigsetjmp(from, 0) == 0)
		siglongjmp(to, 1);
}

SITE static void fail_and_recover(void)
{
	jmp_buf error;

	if (setjmp(error) == 0)
		longjmp(error, 1);
}

static void body(void)
{
	struct coroutine *self = current;

	go(self->environment, self->caller); /* it has been made */
	for (;;) {
		self->entered++;
		free(malloc(88));
		fail_and_recover();
		go(self->environment, self->caller);
	}
}

SITE static void site_make(struct coroutine *c)
{
	ucontext_t context, old;

	check(getcontext(&context) == 0);
	c->stack = malloc(STACK_BYTES);
	context.uc_stack.ss_sp = c->stack;
	context.uc_stack.ss_size = STACK_BYTES;
	context.uc_link = &old;
	makecontext(&context, body, 0);
	current = c;
	if (sigsetjmp(c->caller, 0) == 0)
		swapcontext(&old, &context);
}

int main(int argc, char **argv)
{
	unsigned long count = argument(argc, argv, 1, 10), rounds = argument(argc, argv, 2, 5);
	struct coroutine *all = calloc(count, sizeof(*all));
	unsigned long switches = 0;

	check(all != NULL);
	for (unsigned long i = 0; i < count; i++)
		site_make(&all[i]);
	for (unsigned long round = 0; round < rounds; round++) {
		for (unsigned long i = 0; i < count; i++) {
			fail_and_recover();
			go(all[i].caller, all[i].environment);
		}
	}
	for (unsigned long i = 0; i < count; i++)
		switches += all[i].entered + 1;
	for (unsigned long i = 0; i < count; i += 2)
		free(all[i].stack);
	say("{\"created\": %lu, \"switches\": %lu, \"freed\": %lu}\n", count, switches,
	    (count + 1) / 2);
	return 0;
}
