/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts that hold what a recorder might take for its own, or no longer what it kept there:
 * usage: coro_kept CASE. Each prints how many coroutines there were, switches into them, and how
 * many returned; and ends with status 70 if a context was left that is not the program's own.
 *
 *   arguments  the fifth and sixth argument of makecontext are in the same registers
 *   copied     a coroutine is resumed by copies of its context, each in another place
 *   shared     all leave into one context, which is copied to where each is resumed from
 *   reused     a context that has been left is made another one's, without getcontext
 *   within     a coroutine goes back to where it was itself
 */
#include <sys/mman.h>
#include <ucontext.h>

#include "target.h"

#define STACK_BYTES 16384
#define COUNT 50
#define ROUNDS 6

extern const char __executable_start, etext;

struct coroutine {
	ucontext_t contexts[ROUNDS];
	ucontext_t *leaves_into, *resumed_from;
	int switches;
};

static struct coroutine all[COUNT], *current;
static ucontext_t main_context, shared;
static bool returns = true;

/* Where it goes on is in the program, not in somebody who has come between. */
static void check_own(const ucontext_t *left)
{
	uint64_t rip = (uint64_t)left->uc_mcontext.gregs[REG_RIP];

	check(rip >= (uint64_t)&__executable_start && rip < (uint64_t)&etext);
}

static void leave(struct coroutine *c)
{
	check(swapcontext(c->leaves_into, &main_context) == 0);
}

static void body(void)
{
	struct coroutine *c = current;

	for (;;) {
		check(c == current);
		check_own(&main_context);
		c->switches++;
		if (returns && c->switches == ROUNDS)
			return;
		leave(c);
	}
}

static void enter(struct coroutine *c)
{
	current = c;
	check(swapcontext(&main_context, c->resumed_from) == 0);
	if (c->switches < ROUNDS)
		check_own(c->leaves_into);
}

static void give_stack(ucontext_t *context)
{
	char *stack =
		mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(stack != MAP_FAILED);
	context->uc_stack.ss_sp = stack;
	context->uc_stack.ss_size = STACK_BYTES;
	context->uc_link = &main_context;
}

static void prepare(struct coroutine *c)
{
	c->leaves_into = c->resumed_from = &c->contexts[0];
	check(getcontext(c->resumed_from) == 0);
	give_stack(c->resumed_from);
}

static void result(int made)
{
	int switches = 0, returned = 0;

	for (int i = 0; i < COUNT; i++) {
		switches += all[i].switches;
		returned += returns && all[i].switches == ROUNDS;
	}
	say("{\"created\": %d, \"switches\": %d, \"finished\": %d}\n", made, switches, returned);
}

static void run_all(void)
{
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < COUNT; i++)
			enter(&all[i]);
	result(COUNT);
}

/* Nobody can read what the sixth is the address of. */
static void body_of_six(long a, long b, long c, long d, long fifth, long sixth)
{
	check(a == 1 && b == 2 && c == 3 && d == 4 && fifth % 8 == sixth % 8);
	body();
}

static void case_arguments(void)
{
	char *nothing = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(nothing != MAP_FAILED);
	for (int i = 0; i < COUNT; i++) {
		long sixth = i % 2 ? (long)nothing + i : i - COUNT / 2;

		prepare(&all[i]);
		makecontext(all[i].resumed_from, (void (*)(void))body_of_six, 6, 1L, 2L, 3L, 4L,
		            i % 4 < 2 ? sixth : sixth % 8, sixth);
	}
	run_all();
}

/* glibc keeps the state of the x87 behind a pointer into the context. */
static void copy(ucontext_t *to, const ucontext_t *from)
{
	*to = *from;
	to->uc_mcontext.fpregs =
		(void *)((char *)to + ((char *)from->uc_mcontext.fpregs - (const char *)from));
}

static void case_copied(void)
{
	returns = false; /* a copy does not know of uc_link */
	for (int i = 0; i < COUNT; i++) {
		prepare(&all[i]);
		makecontext(all[i].resumed_from, body, 0);
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < COUNT; i++) {
			struct coroutine *c = &all[i];

			if (round) {
				c->resumed_from = &c->contexts[round];
				copy(c->resumed_from, c->leaves_into);
				memset(c->leaves_into, 0, sizeof(*c->leaves_into));
			}
			c->leaves_into = &c->contexts[round * 5 % ROUNDS];
			enter(c);
		}
	}
	result(COUNT);
}

static void case_shared(void)
{
	returns = false;
	for (int i = 0; i < COUNT; i++) {
		prepare(&all[i]);
		makecontext(all[i].resumed_from, body, 0);
		all[i].leaves_into = &shared;
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < COUNT; i++) {
			enter(&all[i]);
			if (all[i].switches < ROUNDS)
				copy(all[i].resumed_from, &shared);
		}
	}
	result(COUNT);
}

/* The second half begins with what is left of the first, which waits for ever. */
static void case_reused(void)
{
	returns = false;
	for (int i = 0; i < COUNT; i++) {
		prepare(&all[i]);
		if (i >= COUNT / 2) {
			copy(all[i].resumed_from, all[i - COUNT / 2].leaves_into);
			give_stack(all[i].resumed_from);
		}
		makecontext(all[i].resumed_from, body, 0);
		for (int round = 0; round < ROUNDS; round++)
			enter(&all[i]);
	}
	result(COUNT);
}

/* Back to where it has left for MAIN, from itself. */
static void body_within(void)
{
	struct coroutine *c = current;
	volatile bool again = false;
	ucontext_t *earlier = &c->contexts[1], *later = &c->contexts[2];

	c->switches++;
	check(swapcontext(earlier, &main_context) == 0);
	check_own(earlier);
	c->switches++;
	check(swapcontext(later, &main_context) == 0);
	if (!again) {
		again = true;
		c->switches++;
		check(swapcontext(earlier, later) == 0);
		check(false);
	}
	for (; c->switches < ROUNDS; c->switches++)
		check(swapcontext(c->leaves_into, &main_context) == 0);
}

static void case_within(void)
{
	for (int i = 0; i < COUNT; i++) {
		struct coroutine *c = &all[i];

		prepare(c);
		makecontext(c->resumed_from, body_within, 0);
		for (int place = 0; c->switches < ROUNDS; place++) {
			c->resumed_from = &c->contexts[place < 3 ? place : 0];
			enter(c);
		}
	}
	result(COUNT);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{"arguments", case_arguments}, {"copied", case_copied}, {"shared", case_shared},
		{"reused", case_reused},       {"within", case_within},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (argc > 1 && !strcmp(argv[1], cases[i].name))
			cases[i].run();
	return 0;
}
