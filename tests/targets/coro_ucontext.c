/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines by makecontext and swapcontext: usage: coro_ucontext COUNT SWITCHES THREADS. Each
 * of THREADS threads makes COUNT coroutines and switches SWITCHES times into each; odd ones
 * end by returning into uc_link, even ones are left waiting and their stacks are freed at the
 * end of their thread. With more than one thread, coroutines move on to the next thread in
 * every round. Prints how many there were, switches into them, and how many returned.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "target.h"

#define STACK_BYTES 16384

struct coroutine {
	ucontext_t context;
	ucontext_t *caller;
	void *stack;
	unsigned number;
	unsigned long switches, limit;
	void *block;
};

static unsigned long count, rounds, threads;
static struct coroutine *all;
static ucontext_t *heres;
static pthread_barrier_t barrier;

SITE static void *site_in_coroutine(unsigned number)
{
	return malloc(100 + number % 7);
}

static void body(unsigned low, unsigned high)
{
	struct coroutine *self = (void *)((uintptr_t)high << 32 | low);

	self->block = site_in_coroutine(self->number);
	for (;;) {
		self->switches++;
		if (self->number % 2 && self->switches == self->limit)
			return;
		swapcontext(&self->context, self->caller);
	}
}

SITE static void spawn(struct coroutine *c, unsigned number)
{
	c->number = number;
	c->limit = rounds;
	c->stack =
		mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(c->stack != MAP_FAILED);
	check(getcontext(&c->context) == 0);
	c->context.uc_stack.ss_sp = c->stack;
	c->context.uc_stack.ss_size = STACK_BYTES;
}

static void make(struct coroutine *c, ucontext_t *link)
{
	c->context.uc_link = link;
	makecontext(&c->context, (void (*)(void))body, 2, (unsigned)(uintptr_t)c,
	            (unsigned)((uintptr_t)c >> 32));
}

/* In round R, thread T runs the coroutines that thread T + R made. */
static void *thread_main(void *argument)
{
	unsigned long me = (unsigned long)argument;
	ucontext_t *here = &heres[me];
	/* Who runs them in the last round. */
	ucontext_t *last = &heres[(me + threads * rounds - (rounds - 1)) % threads];

	for (unsigned long i = 0; i < count; i++) {
		struct coroutine *c = &all[me * count + i];

		spawn(c, (unsigned)i);
		make(c, last);
	}
	pthread_barrier_wait(&barrier);
	for (unsigned long round = 0; round < rounds; round++) {
		struct coroutine *mine = &all[(me + round) % threads * count];

		for (unsigned long i = 0; i < count; i++) {
			mine[i].caller = here;
			check(swapcontext(here, &mine[i].context) == 0);
		}
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long switches = 0, returned = 0;

	count = argument(argc, argv, 1, 10);
	rounds = argument(argc, argv, 2, 5);
	threads = argument(argc, argv, 3, 1);
	all = calloc(count * threads, sizeof(*all));
	heres = calloc(threads, sizeof(*heres));
	check(all && heres && pthread_barrier_init(&barrier, NULL, (unsigned)threads) == 0);
	pthread_t *others = calloc(threads, sizeof(*others));

	for (unsigned long i = 1; i < threads; i++)
		check(pthread_create(&others[i], NULL, thread_main, (void *)i) == 0);
	thread_main(NULL);
	for (unsigned long i = 1; i < threads; i++)
		check(pthread_join(others[i], NULL) == 0);
	for (unsigned long i = 0; i < count * threads; i++) {
		switches += all[i].switches;
		returned += all[i].number % 2 && all[i].switches == rounds;
	}
	for (unsigned long i = 0; i < count * threads; i += 4) /* some of those that wait */
		munmap(all[i].stack, STACK_BYTES);
	say("{\"created\": %lu, \"switches\": %lu, \"finished\": %lu}\n", count * threads, switches,
	    returned);
	if (argc > 4)
		pause();
	return 0;
}
