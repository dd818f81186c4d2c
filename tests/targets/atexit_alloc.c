/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: static constructors, IRELATIVE resolvers, atexit handlers and destructors: hooks run
 * before the agent's start and after its end. One block is left by each.
 */
/* With lazy binding the resolver would run at the first call instead. */
/* cs-link: -Wl,-z,now */
#include "target.h"

static void *early_block, *constructor_block, *resolver_block;

SITE void *site_life(size_t n)
{
	void *p = malloc(n);

	check(p != NULL);
	memset(p, 1, n);
	return p;
}

static int chosen(void)
{
	return 42;
}

/* Runs while the program is being relocated. */
static int (*resolve(void))(void)
{
	resolver_block = malloc(1006);
	return chosen;
}

int by_resolver(void) __attribute__((ifunc("resolve")));

__attribute__((constructor(101))) static void first_constructor(void)
{
	early_block = site_life(1001);
	constructor_block = realloc(calloc(3, 7), 1002);
	resolver_block = realloc(resolver_block, 2006);
}

static void at_exit(void)
{
	free(early_block);
	site_life(1003);
	say("atexit\n");
}

static void at_quick_exit_handler(void)
{
	free(site_life(1005));
	say("at_quick_exit\n");
}

__attribute__((destructor(101))) static void last_destructor(void)
{
	free(constructor_block);
	free(resolver_block);
	site_life(1004);
	say("destructor\n");
}

int main(int argc, char **argv)
{
	check(by_resolver() == 42);
	atexit(at_exit);
	at_quick_exit(at_quick_exit_handler);
	say("main\n");
	if (argc > 1 && strcmp(argv[1], "quick") == 0)
		quick_exit(3);
	if (argc > 1 && strcmp(argv[1], "_exit") == 0)
		_exit(4);
	return 5;
}
