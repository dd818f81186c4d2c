/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A switcher whose coroutines run on one stack, copied in and out: usage: coro_shared KIND
 * ROUNDS, where KIND says what they run.
 *
 *   two     two functions, in turn
 *   same    one function
 *   after   two functions, but the second when the first has ended: no copying
 *   alone   a single coroutine
 *   many    as after, on ten stacks, one after the other
 *
 * Says "ready" when all of them wait, and goes on at the end of its input.
 */
#include "switcher.h"
#include "target.h"

#define STACK_BYTES 65536

struct coroutine {
	void *sp;    /* while it waits */
	char *saved; /* its part of the stack */
	size_t bytes;
};

static char *stack;
static void *main_sp;
static struct coroutine *current;
static unsigned long rounds;

SITE static void site_on_stack(unsigned long bytes)
{
	free(malloc(bytes));
}

static void yield(void)
{
	switch_stacks(&current->sp, main_sp);
}

SITE static void first(void)
{
	for (unsigned long i = 1;; i++) {
		site_on_stack(50);
		yield();
	}
}

SITE static void second(void)
{
	volatile char room[300];

	for (unsigned long i = 1;; i++) {
		room[i % 300] = 10;
		site_on_stack(50UL + (unsigned char)room[i % 300]);
		yield();
	}
}

static void copy_out(struct coroutine *one)
{
	one->bytes = (size_t)(stack + STACK_BYTES - (char *)one->sp);
	one->saved = malloc(one->bytes);
	memcpy(one->saved, one->sp, one->bytes);
}

static void make(struct coroutine *one, void (*body)(void))
{
	one->sp = first_stack(stack + STACK_BYTES, body);
	copy_out(one);
}

static void enter(struct coroutine *one)
{
	memcpy(one->sp, one->saved, one->bytes);
	free(one->saved);
	current = one;
	switch_stacks(&main_sp, one->sp);
	copy_out(one);
	site_on_stack(40);
}

static void run_many(void)
{
	for (int i = 0; i < 10; i++) {
		struct coroutine one, other;

		stack = malloc(STACK_BYTES); /* which is there until the end */
		check(stack != NULL);
		make(&one, first);
		enter(&one);
		make(&other, second);
		enter(&other);
		enter(&other);
	}
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "two";
	bool alone = !strcmp(kind, "alone"), after = !strcmp(kind, "after");
	struct coroutine one, other;
	char byte;

	rounds = argument(argc, argv, 2, 5);
	if (!strcmp(kind, "many")) {
		run_many();
		say("done\n");
		return 0;
	}
	stack = malloc(STACK_BYTES);
	check(stack != NULL);
	make(&one, first);
	for (unsigned long i = 0; i < rounds && after; i++)
		enter(&one);
	make(&other, !strcmp(kind, "same") || alone ? first : second);
	for (unsigned long i = 0; i < rounds; i++) {
		if (!alone && !after)
			enter(&one);
		enter(&other);
	}
	say("ready\n");
	while (read(0, &byte, 1) > 0)
		continue;
	say("done\n");
	return 0;
}
