/* SPDX-License-Identifier: Apache-2.0 */
/* cs-link: -pthread */
/* cs-cflags: -fno-builtin -D_FORTIFY_SOURCE=0 */
/*
 * Coroutines that signals interrupt wherever they are, whose handlers go to another coroutine, so
 * that the interrupted one goes on later, on any thread: usage: chaos_signals SEED STEPS THREADS.
 * Only what can't be interrupted so without a recorder either is left alone: the allocator, and
 * switches themselves. Prints how many coroutines there were and how many returned.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "target.h"

#define STACK_BYTES (1 << 17)
#define COUNT 24
#define THREADS_MAX 4

struct coroutine {
	ucontext_t context;
	char *stack;
	uint64_t seed;
	unsigned long steps;
	bool done;
	volatile bool alone; /* not to be interrupted now */
	struct coroutine *next;
};

struct worker {
	pthread_t thread;
	ucontext_t scheduler;
	struct coroutine *volatile present;
};

static struct {
	pthread_mutex_t lock;
	struct coroutine *first;
	unsigned long created, finished;
	unsigned alive;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct worker workers[THREADS_MAX];
static unsigned long steps;
static __thread struct worker *own;

/* Asked anew wherever it is needed: another thread may go on with what this one began. */
__attribute__((noinline)) static struct worker *worker(void)
{
	__asm__ volatile("" : : : "memory");
	return own;
}

static struct coroutine *present(void)
{
	struct worker *me = worker();

	return me ? me->present : NULL;
}

/* On whatever thread it goes on afterwards; while it is alone. */
__attribute__((noinline)) static void leave(struct coroutine *self)
{
	check(swapcontext(&self->context, &worker()->scheduler) == 0);
}

static void interrupt(int signal)
{
	struct coroutine *self = present();

	(void)signal;
	if (!self || self->alone)
		return;
	self->alone = true;
	leave(self);
	self->alone = false;
}

/* ---- what they do ---- */

SITE static void map_and_unmap(struct coroutine *self)
{
	size_t bytes = 4096 * (1 + random_below(&self->seed, 8));
	char *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(block != MAP_FAILED);
	block[bytes - 1] = 1;
	check(munmap(block, bytes) == 0);
}

SITE static void jump_about(struct coroutine *self)
{
	sigjmp_buf here;
	volatile unsigned jumps = 0;
	unsigned limit = (unsigned)random_below(&self->seed, 4);

	sigsetjmp(here, 0);
	if (jumps++ < limit)
		siglongjmp(here, 1);
}

SITE static void save_context(void)
{
	ucontext_t here;

	check(getcontext(&here) == 0);
}

SITE static void allocate(struct coroutine *self)
{
	self->alone = true;
	free(malloc(1 + random_below(&self->seed, 7000)));
	self->alone = false;
}

SITE static void yield(struct coroutine *self)
{
	self->alone = true;
	leave(self);
	self->alone = false;
}

static void body(unsigned low, unsigned high)
{
	struct coroutine *self = (void *)((uintptr_t)high << 32 | low);

	self->alone = false;
	for (unsigned long i = 0; i < self->steps; i++) {
		switch (random_below(&self->seed, 6)) {
		case 0:
			allocate(self);
			break;
		case 1:
			yield(self);
			break;
		case 2:
			jump_about(self);
			break;
		case 3:
			save_context();
			break;
		default:
			map_and_unmap(self);
		}
	}
	self->alone = true;
	self->done = true;
	for (;;)
		leave(self);
}

/* ---- who lets them ---- */

static struct coroutine *take(void)
{
	pthread_mutex_lock(&all.lock);
	struct coroutine *c = all.first;

	if (c)
		all.first = c->next;
	pthread_mutex_unlock(&all.lock);
	return c;
}

static void put_back(struct coroutine *c)
{
	pthread_mutex_lock(&all.lock);
	struct coroutine **last = &all.first;

	while (*last)
		last = &(*last)->next;
	c->next = NULL;
	*last = c;
	pthread_mutex_unlock(&all.lock);
}

static void create(uint64_t seed)
{
	struct coroutine *c = calloc(1, sizeof(*c));

	check(c != NULL);
	c->stack =
		mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(c->stack != MAP_FAILED && getcontext(&c->context) == 0);
	c->seed = seed * 0x9e3779b97f4a7c15u + 1;
	c->steps = steps;
	c->alone = true;
	c->context.uc_stack.ss_sp = c->stack;
	c->context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&c->context, (void (*)(void))body, 2, (unsigned)(uintptr_t)c,
	            (unsigned)((uintptr_t)c >> 32));
	__atomic_fetch_add(&all.created, 1, __ATOMIC_RELAXED);
	put_back(c);
}

static void drop(struct coroutine *c)
{
	__atomic_fetch_add(&all.finished, 1, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&all.alive, 1, __ATOMIC_RELEASE);
	check(munmap(c->stack, STACK_BYTES) == 0);
	free(c);
}

static void *run(void *argument)
{
	own = argument;
	while (__atomic_load_n(&all.alive, __ATOMIC_ACQUIRE)) {
		struct coroutine *c = take();

		if (!c)
			continue;
		own->present = c;
		check(swapcontext(&own->scheduler, &c->context) == 0);
		own->present = NULL;
		if (c->done)
			drop(c);
		else
			put_back(c);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t seed = argument(argc, argv, 1, 1);
	unsigned long threads = argument(argc, argv, 3, 3);
	struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART};

	steps = argument(argc, argv, 2, 400);
	check(threads > 0 && threads <= THREADS_MAX);
	check(sigaction(SIGUSR1, &action, NULL) == 0);
	all.alive = COUNT;
	for (int i = 0; i < COUNT; i++)
		create(seed * COUNT + (uint64_t)i);
	for (unsigned long i = 0; i < threads; i++)
		check(pthread_create(&workers[i].thread, NULL, run, &workers[i]) == 0);
	while (__atomic_load_n(&all.alive, __ATOMIC_ACQUIRE)) {
		for (unsigned long i = 0; i < threads; i++)
			pthread_kill(workers[i].thread, SIGUSR1);
		usleep(30);
	}
	for (unsigned long i = 0; i < threads; i++)
		check(pthread_join(workers[i].thread, NULL) == 0);
	say("{\"created\": %lu, \"ended\": %lu}\n", all.created, all.finished);
	return 0;
}
