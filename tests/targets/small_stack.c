/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: small stacks. Allocates on 4 KiB coroutine stacks with a guard page below, by
 * ucontext and by a switcher of its own, and on the smallest thread stacks; looks for names in
 * libraries that were loaded just before. Says on stderr how deep the stacks were used; a hook may
 * add 1 KiB.
 */
/* Bound at start: the loader's lazy binding saves more registers than such a stack holds. */
/* cs-link: -Wl,-z,now */
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "switcher.h"
#include "target.h"

#define STACK 4096
#define COUNT 32
#define ROUNDS 50
#define MARK 0xa5

struct coroutine {
	unsigned char *stack;
	ucontext_t context;
	void *stack_pointer; /* of the hand-written switcher */
	void *blocks[16];
	uint64_t random;
	unsigned rounds;
};

static struct coroutine coroutines[COUNT];
static struct coroutine *current;
static ucontext_t main_context;
static void *main_pointer;
static unsigned long allocated;

static unsigned char *new_stack(size_t bytes)
{
	unsigned char *map = mmap(NULL, bytes + 4096, PROT_READ | PROT_WRITE,
	                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(map != MAP_FAILED);
	check(mprotect(map, 4096, PROT_NONE) == 0);
	memset(map + 4096, MARK, bytes);
	return map + 4096;
}

static size_t used(const unsigned char *stack, size_t bytes)
{
	size_t free_bytes = 0;

	while (free_bytes < bytes && stack[free_bytes] == MARK)
		free_bytes++;
	return bytes - free_bytes;
}

SITE void site_small_stack(struct coroutine *self)
{
	for (int i = 0; i < 16; i++) {
		size_t n = 1 + random_below(&self->random, 400);

		switch (i % 4) {
		case 0:
			self->blocks[i] = malloc(n);
			break;
		case 1:
			self->blocks[i] = calloc(1, n);
			break;
		case 2:
			self->blocks[i] = realloc(malloc(n / 2 + 1), n);
			break;
		default:
			self->blocks[i] = aligned_alloc(64, (n + 63) & ~(size_t)63);
			break;
		}
		check(self->blocks[i] != NULL);
		memset(self->blocks[i], i, n);
		allocated += n;
	}
}

static void release(struct coroutine *self)
{
	for (int i = 0; i < 16; i++)
		free(self->blocks[i]);
}

static void ucontext_main(void)
{
	struct coroutine *self = current;

	for (unsigned i = 0; i < ROUNDS; i++) {
		site_small_stack(self);
		swapcontext(&self->context, &main_context);
		release(self);
	}
	self->rounds = ROUNDS;
}

static void by_ucontext(void)
{
	for (unsigned i = 0; i < COUNT; i++) {
		struct coroutine *c = &coroutines[i];

		c->stack = new_stack(STACK);
		c->random = i + 1;
		check(getcontext(&c->context) == 0);
		c->context.uc_stack.ss_sp = c->stack;
		c->context.uc_stack.ss_size = STACK;
		c->context.uc_link = &main_context;
		makecontext(&c->context, ucontext_main, 0);
	}
	for (unsigned round = 0; round <= ROUNDS; round++) {
		for (unsigned i = 0; i < COUNT; i++) {
			current = &coroutines[i];
			check(swapcontext(&main_context, &current->context) == 0);
		}
	}
}

static void switcher_main(void)
{
	struct coroutine *self = current;

	for (unsigned i = 0; i < ROUNDS; i++) {
		site_small_stack(self);
		switch_stacks(&self->stack_pointer, main_pointer);
		release(self);
	}
	self->rounds = ROUNDS;
	for (;;)
		switch_stacks(&self->stack_pointer, main_pointer);
}

static void by_own_switcher(void)
{
	for (unsigned i = 0; i < COUNT; i++) {
		struct coroutine *c = &coroutines[i];

		c->stack = new_stack(STACK);
		c->random = i + 1;
		c->rounds = 0;
		c->stack_pointer = first_stack((char *)c->stack + STACK, switcher_main);
	}
	for (unsigned round = 0; round <= ROUNDS; round++) {
		for (unsigned i = 0; i < COUNT; i++) {
			current = &coroutines[i];
			switch_stacks(&main_pointer, current->stack_pointer);
		}
	}
}

static void report(const char *how)
{
	size_t deepest = 0;

	for (unsigned i = 0; i < COUNT; i++) {
		size_t bytes = used(coroutines[i].stack, STACK);

		check(coroutines[i].rounds == ROUNDS);
		deepest = bytes > deepest ? bytes : deepest;
	}
	fprintf(stderr, "%s: %zu bytes of stack used\n", how, deepest);
	say("%s: %lu bytes allocated\n", how, allocated);
}

static void dlsym_main(void)
{
	struct coroutine *self = current;

	check(dlsym(self->blocks[0], "cos") != NULL);
	self->rounds = ROUNDS;
	for (;;)
		switch_stacks(&self->stack_pointer, main_pointer);
}

/* Each the first one after a dlopen, of a library that nobody else needs. */
static void by_dlsym(void)
{
	for (unsigned i = 0; i < COUNT; i++) {
		struct coroutine *c = &coroutines[i];

		c->stack = new_stack(STACK);
		c->rounds = 0;
		c->blocks[0] = dlopen("libm.so.6", RTLD_NOW);
		check(c->blocks[0] != NULL);
		c->stack_pointer = first_stack((char *)c->stack + STACK, dlsym_main);
		current = c;
		switch_stacks(&main_pointer, c->stack_pointer);
		check(dlclose(c->blocks[0]) == 0);
	}
}

static void *thread_main(void *argument)
{
	struct coroutine *self = argument;

	for (unsigned i = 0; i < ROUNDS; i++) {
		site_small_stack(self);
		release(self);
	}
	self->rounds = ROUNDS;
	return NULL;
}

static void by_threads(void)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	check(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) == 0);
	for (unsigned i = 0; i < COUNT; i++) {
		pthread_t thread;

		coroutines[i].rounds = 0;
		check(pthread_create(&thread, &attributes, thread_main, &coroutines[i]) == 0);
		check(pthread_join(thread, NULL) == 0);
		check(coroutines[i].rounds == ROUNDS);
	}
	say("threads: %lu bytes allocated\n", allocated);
}

int main(void)
{
	free(malloc(100000)); /* the heap exists */
	by_ucontext();
	report("ucontext");
	by_own_switcher();
	report("switcher");
	by_dlsym();
	report("dlsym");
	by_threads();
	return 0;
}
