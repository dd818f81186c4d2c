/* SPDX-License-Identifier: Apache-2.0 */
/* cs-cflags: -fno-builtin */
/* cs-link: -pthread */
/*
 * Coroutines that go on into another one when their function returns, by uc_link: usage: coro_link
 * CASE [silent]. Nobody allocates in one, and so tells of it, when it is silent. Prints how many
 * there were, switches into them, how many returned.
 *
 *   chain    each begins the next one, the last one goes back to the thread
 *   threads  the same on several threads at once
 *   waiting  each goes on where the next one waits
 *   gone     the memory of a chain is unmapped as soon as it has ended
 *   other    they leave into another context than the one they were made with, are resumed by
 *            copies, and return
 *   many     they have so many arguments that some are on their stacks
 *   left     jumps that the compiler makes leave them for who they are linked to, which is no end
 *   set      setcontext leaves them for good, after it has left them for a while
 *   while    setcontext leaves them for a while, after they have called getcontext for others
 *   first    the first that is heard of one that was entered by uc_link is its getcontext
 */
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "target.h"

#define STACK_BYTES 16384
#define LENGTH 7
#define ROUNDS 40

struct coroutine {
	ucontext_t context, other;
	struct coroutine *next;
	ucontext_t *resumed_from;
	char stack[STACK_BYTES];
};

struct chain {
	ucontext_t outside;
	struct coroutine all[LENGTH];
};

static unsigned long made, switches, returned;
static bool silent;
static __thread struct chain *present;
static __thread struct coroutine *running;

static void event(void)
{
	if (!silent)
		free(malloc(77));
}

static void count(unsigned long *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static struct chain *new_chain(void)
{
	struct chain *chain = mmap(NULL, sizeof(*chain), PROT_READ | PROT_WRITE,
	                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(chain != MAP_FAILED);
	return chain;
}

/* To be called after getcontext. */
static void fill(struct coroutine *c, ucontext_t *link)
{
	c->context.uc_stack.ss_sp = c->stack;
	c->context.uc_stack.ss_size = sizeof(c->stack);
	c->context.uc_link = link;
	c->resumed_from = &c->context;
	count(&made);
}

static void prepare(struct coroutine *c, ucontext_t *link)
{
	check(getcontext(&c->context) == 0);
	fill(c, link);
}

/* From the last on, so that each is there when it is linked to; or from the first on. */
static void make_all(struct chain *chain, void (*body)(void), bool from_last)
{
	for (int i = 0; i < LENGTH; i++) {
		int at = from_last ? LENGTH - 1 - i : i;
		struct coroutine *c = &chain->all[at];

		c->next = at + 1 < LENGTH ? c + 1 : NULL;
		prepare(c, c->next ? &c->next->context : &chain->outside);
		makecontext(&c->context, body, 0);
	}
}

static void enter(struct chain *chain, struct coroutine *c)
{
	present = chain;
	running = c;
	check(swapcontext(&chain->outside, c->resumed_from) == 0);
}

static void once(void)
{
	count(&switches);
	event();
	count(&returned);
}

/* ---- chains ---- */

static void *run_chains(void *unused)
{
	struct chain *chain = new_chain();

	for (int i = 0; i < ROUNDS; i++) {
		make_all(chain, once, i % 2);
		enter(chain, &chain->all[0]);
	}
	check(munmap(chain, sizeof(*chain)) == 0);
	return unused;
}

static void case_chain(void)
{
	run_chains(NULL);
}

static void case_threads(void)
{
	pthread_t threads[4];

	run_chains(NULL); /* who makes the recorder's tables is alone */
	for (int i = 0; i < 4; i++)
		check(pthread_create(&threads[i], NULL, run_chains, NULL) == 0);
	for (int i = 0; i < 4; i++)
		check(pthread_join(threads[i], NULL) == 0);
}

static void case_gone(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct chain *chain = new_chain();

		make_all(chain, once, i % 2);
		enter(chain, &chain->all[0]);
		check(munmap(chain, sizeof(*chain)) == 0);
	}
}

static void wait_twice(void)
{
	struct coroutine *self = running;

	for (int i = 0; i < 2; i++) {
		count(&switches);
		check(swapcontext(&self->context, &present->outside) == 0);
	}
	once();
}

static void case_waiting(void)
{
	struct chain *chain = new_chain();

	for (int i = 0; i < ROUNDS; i++) {
		make_all(chain, wait_twice, i % 2);
		for (int turn = 0; turn < 2; turn++)
			for (int at = 0; at < LENGTH; at++)
				enter(chain, &chain->all[at]);
		enter(chain, &chain->all[0]);
	}
}

/* ---- other contexts ---- */

/* glibc keeps the state of the x87 behind a pointer into the context. */
static void copy(ucontext_t *to, const ucontext_t *from)
{
	*to = *from;
	to->uc_mcontext.fpregs =
		(void *)((char *)to + ((char *)from->uc_mcontext.fpregs - (const char *)from));
}

static void wait_elsewhere(void)
{
	struct coroutine *self = running;
	ucontext_t own;

	count(&switches);
	self->resumed_from = &self->other;
	check(swapcontext(&self->other, &present->outside) == 0);
	count(&switches);
	self->resumed_from = &own;
	check(swapcontext(&own, &present->outside) == 0);
	once();
}

static void case_other(void)
{
	struct chain *chain = new_chain();
	ucontext_t copied;

	for (int i = 0; i < ROUNDS; i++) {
		struct coroutine *c = &chain->all[i % LENGTH];

		prepare(c, &chain->outside);
		makecontext(&c->context, wait_elsewhere, 0);
		for (int turn = 0; turn < 3; turn++) {
			copy(&copied, c->resumed_from);
			if (i % 2)
				c->resumed_from = &copied;
			enter(chain, c);
		}
	}
}

static void once_of_many(int a, int b, int c, int d, int e, int f, int g, int h, int i)
{
	check(a + b + c + d + e + f + g + h + i == 45);
	wait_elsewhere();
}

static void case_many(void)
{
	struct chain *chain = new_chain();

	for (int i = 0; i < ROUNDS; i++) {
		struct coroutine *c = &chain->all[i % LENGTH];

		prepare(c, &chain->outside);
		makecontext(&c->context, (void (*)(void))once_of_many, 9, 1, 2, 3, 4, 5, 6, 7, 8,
		            9);
		for (int turn = 0; turn < 3; turn++)
			enter(chain, c);
	}
}

/* ---- what is no end ---- */

/* Jumps that the compiler makes, which nobody sees. */
static void *inside_jump[5], *outside_jump[5];

SITE static void jump(void **where)
{
	__builtin_longjmp(where, 1);
}

SITE static void leave_unseen(void)
{
	if (__builtin_setjmp(inside_jump) == 0)
		jump(outside_jump);
}

SITE static void enter_unseen(void)
{
	if (__builtin_setjmp(outside_jump) == 0)
		jump(inside_jump);
}

static void wait_unseen(void)
{
	for (;;) {
		count(&switches);
		free(malloc(77)); /* that it is here must be seen */
		leave_unseen();
	}
}

SITE static void begin_unseen(struct chain *chain)
{
	if (__builtin_setjmp(outside_jump) == 0)
		enter(chain, &chain->all[0]);
}

static void case_left(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct chain *chain = new_chain();

		prepare(&chain->all[0], &chain->outside);
		makecontext(&chain->all[0].context, wait_unseen, 0);
		begin_unseen(chain);
		free(malloc(77)); /* that it has been left must be seen */
		enter_unseen();
		free(malloc(77));
		check(munmap(chain, sizeof(*chain)) == 0);
	}
}

/* ---- setcontext ---- */

/* The usual way to do without swapcontext. */
SITE static void leave_by_set(ucontext_t *own)
{
	volatile bool back = false;

	running->resumed_from = own;
	check(getcontext(own) == 0);
	if (!back) {
		back = true;
		setcontext(&present->outside);
	}
}

/* Who leaves for good: as an end, though it has come back before, and has made another one. */
static void set_for_good(void)
{
	struct chain *chain = present;
	struct coroutine *next = running->next;

	count(&switches);
	leave_by_set(&running->other);
	count(&switches);
	event();
	if (next) {
		check(getcontext(&next->context) == 0); /* in a frame that is still there later */
		fill(next, &chain->outside);
		makecontext(&next->context, set_for_good, 0);
	}
	count(&returned);
	setcontext(&chain->outside);
}

static void case_set(void)
{
	struct chain *chain = new_chain();

	for (int i = 0; i < ROUNDS; i++) {
		for (int at = 0; at < LENGTH; at++)
			chain->all[at].next = at + 1 < LENGTH ? &chain->all[at + 1] : NULL;
		prepare(&chain->all[0], NULL);
		makecontext(&chain->all[0].context, set_for_good, 0);
		for (int at = 0; at < LENGTH; at++)
			for (int turn = 0; turn < 2; turn++)
				enter(chain, &chain->all[at]);
	}
}

/* Who comes back, although others have called getcontext since: it made one, or one ran. */
static void set_for_a_while(void)
{
	struct coroutine *self = running;
	volatile bool back = false;

	count(&switches);
	self->resumed_from = &self->other;
	check(getcontext(&self->other) == 0);
	if (!back) {
		back = true;
		check(getcontext(&self->next->context) == 0);
		fill(self->next, &present->outside);
		makecontext(&self->next->context, once, 0);
		event();
		setcontext(&present->outside);
	}
	once();
}

static void case_while(void)
{
	struct chain *chain = new_chain();

	for (int i = 0; i < ROUNDS; i++) {
		struct coroutine *c = &chain->all[2 * (i % 3)];

		c->next = c + 1;
		prepare(c, &chain->outside);
		makecontext(&c->context, set_for_a_while, 0);
		enter(chain, c);
		enter(chain, c->next);
		enter(chain, c);
	}
}

/* ---- the first that is heard of who was entered by uc_link ---- */

static void first_is_get(void)
{
	count(&switches);
	leave_by_set(&running->next->other);
	once();
}

/* It is the next one's turn, which does not know. */
static void then_get(void)
{
	count(&switches);
	count(&returned);
}

static void case_first(void)
{
	struct chain *chain = new_chain();

	for (int i = 0; i < ROUNDS; i++) {
		struct coroutine *first = &chain->all[0], *second = &chain->all[1];

		first->next = second;
		prepare(second, &chain->outside);
		makecontext(&second->context, first_is_get, 0);
		prepare(first, &second->context);
		makecontext(&first->context, then_get, 0);
		enter(chain, first);
		second->resumed_from = first->resumed_from;
		enter(chain, second);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{"chain", case_chain}, {"threads", case_threads}, {"waiting", case_waiting},
		{"gone", case_gone},   {"other", case_other},     {"many", case_many},
		{"left", case_left},   {"set", case_set},         {"while", case_while},
		{"first", case_first},
	};

	silent = argc > 2;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (argc > 1 && !strcmp(argv[1], cases[i].name))
			cases[i].run();
	event();
	say("{\"created\": %lu, \"switches\": %lu, \"finished\": %lu}\n", made, switches, returned);
	return 0;
}
