/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A switcher that nobody knows, with nothing but stacks to be known by: usage: coro_stacks KIND
 * COUNT ROUNDS. KIND says where stacks come from: malloc, mmap (with a guard page), aligned,
 * reuse (one block, freed and asked for again for each coroutine), static (of the program, at most
 * 32 of them).
 * Every coroutine allocates once in each round.
 */
#include <sys/mman.h>

#include "switcher.h"
#include "target.h"

#define STACK_BYTES 32768

static void *main_sp, *coroutine_sp;
static unsigned long rounds;

SITE static void site_on_stack(unsigned long bytes)
{
	free(malloc(bytes));
}

static void body(void)
{
	for (unsigned long i = 1;; i++) {
		site_on_stack(50 + i);
		switch_stacks(&coroutine_sp, main_sp);
	}
}

static _Alignas(65536) char pool[32][65536];
static unsigned taken;

SITE static char *site_stack(const char *kind)
{
	char *stack;

	if (!strcmp(kind, "mmap")) {
		stack = mmap(NULL, STACK_BYTES + 4096, PROT_READ | PROT_WRITE,
		             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		check(stack != MAP_FAILED && mprotect(stack, 4096, PROT_NONE) == 0);
		return stack + 4096;
	}
	if (!strcmp(kind, "static")) {
		check(taken < sizeof(pool) / sizeof(*pool));
		return pool[taken++];
	}
	stack = !strcmp(kind, "aligned") ? aligned_alloc(4096, STACK_BYTES) : malloc(STACK_BYTES);
	check(stack != NULL);
	return stack;
}

static void drop(const char *kind, char *stack)
{
	if (!strcmp(kind, "mmap"))
		check(munmap(stack - 4096, STACK_BYTES + 4096) == 0);
	else if (strcmp(kind, "static") != 0)
		free(stack);
}

static void enter(void **sp)
{
	coroutine_sp = *sp;
	switch_stacks(&main_sp, *sp);
	*sp = coroutine_sp;
	site_on_stack(40);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "malloc";
	unsigned long count = argument(argc, argv, 2, 10);
	bool reuse = !strcmp(kind, "reuse");
	char **stacks = calloc(count, sizeof(*stacks));
	void **sps = calloc(count, sizeof(*sps));

	rounds = argument(argc, argv, 3, 5);
	for (unsigned long i = 0; i < count; i++) {
		stacks[i] = site_stack(kind);
		sps[i] = first_stack(stacks[i] + STACK_BYTES, body);
		for (unsigned long round = 0; reuse && round < rounds; round++)
			enter(&sps[i]);
		if (reuse)
			drop(kind, stacks[i]);
	}
	for (unsigned long round = 0; !reuse && round < rounds; round++)
		for (unsigned long i = 0; i < count; i++)
			enter(&sps[i]);
	for (unsigned long i = 0; !reuse && i < count; i += 2)
		drop(kind, stacks[i]);
	say("{\"created\": %lu, \"switches\": %lu, \"freed\": %lu}\n", count, count * rounds,
	    reuse ? count : (count + 1) / 2);
	return 0;
}
