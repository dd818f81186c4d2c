/* SPDX-License-Identifier: Apache-2.0 */
/* cs-cflags: -fno-builtin */
/*
 * Stacks of coroutines that lie within other ones' stacks, or in memory that was theirs: usage:
 * coro_nested CASE. Prints how many were made, switches into them, how many returned, how many were
 * replaced by others on their memory; and how often each kind allocated: 91 bytes on an inner
 * stack, 92 on an outer one.
 *
 *   frame    a coroutine runs others on a part of its own frame, which wait there and return
 *   lent     the same while it waits: the thread runs them
 *   twice    three deep
 *   unused   others run on the far end of a stack, where the one that waits on it has not been
 *   after    one returns whose frame another waits on; both stacks are used again
 *   carved   the memory of one that is left waiting becomes that of four, from the low end on
 *   joined   the memory of four that are left waiting becomes that of one
 */
#include <sys/mman.h>
#include <ucontext.h>

#include "target.h"

#define INNER_BYTES 16384
#define OUTER_BYTES 65536
#define ROUNDS 20

static unsigned long made, switches, returned, replaced, inner_events, outer_events;
static ucontext_t main_context;

struct coroutine {
	ucontext_t context, *outside;
};

SITE static void site_event(bool inner)
{
	if (inner)
		inner_events++;
	else
		outer_events++;
	free(malloc(inner ? 91 : 92));
}

static char *map(size_t bytes)
{
	char *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(start != MAP_FAILED);
	return start;
}

static void make(struct coroutine *c, char *stack, size_t bytes, void (*function)(void),
                 ucontext_t *outside)
{
	check(getcontext(&c->context) == 0);
	c->context.uc_stack.ss_sp = stack;
	c->context.uc_stack.ss_size = bytes;
	c->context.uc_link = c->outside = outside;
	makecontext(&c->context, function, 0);
	made++;
}

static struct coroutine *current;

static void enter(struct coroutine *c)
{
	current = c;
	switches++;
	check(swapcontext(c->outside, &c->context) == 0);
}

/* Whoever it has been entered from goes on: into a coroutine that is a switch, too. */
static void goes_on(const struct coroutine *c)
{
	switches += c->outside != &main_context;
}

static void leave(struct coroutine *c)
{
	goes_on(c);
	check(swapcontext(&c->context, c->outside) == 0);
}

/* ---- what they do ---- */

static void inner(void)
{
	struct coroutine *self = current;

	site_event(true);
	leave(self);
	site_event(true);
	goes_on(self);
	returned++;
}

static void outer(void)
{
	struct coroutine *self = current;

	site_event(false);
	leave(self);
	site_event(false);
	returned++;
}

static void run_on_frame(void)
{
	struct coroutine *self = current, own;
	ucontext_t here;
	char stack[INNER_BYTES];

	make(&own, stack, sizeof(stack), inner, &here);
	site_event(false);
	enter(&own);
	site_event(false);
	enter(&own);
	site_event(false);
	goes_on(self);
	returned++;
}

static void case_frame(void)
{
	char *stack = map(OUTER_BYTES);
	struct coroutine c;

	for (int i = 0; i < ROUNDS; i++) {
		make(&c, stack, OUTER_BYTES, run_on_frame, &main_context);
		enter(&c);
	}
}

static char *lent;

static void lend(void)
{
	struct coroutine *self = current;
	char stack[INNER_BYTES];

	lent = stack;
	site_event(false);
	leave(self);
	check(lent == stack);
	site_event(false);
	returned++;
}

static void case_lent(void)
{
	char *stack = map(OUTER_BYTES);
	struct coroutine c, on_frame;

	for (int i = 0; i < ROUNDS; i++) {
		make(&c, stack, OUTER_BYTES, lend, &main_context);
		enter(&c);
		make(&on_frame, lent, INNER_BYTES, inner, &main_context);
		enter(&on_frame);
		enter(&on_frame);
		enter(&c);
	}
}

static void run_deeper(void)
{
	ucontext_t here;
	struct coroutine own;
	char stack[OUTER_BYTES / 2];

	make(&own, stack, sizeof(stack), run_on_frame, &here);
	site_event(false);
	enter(&own);
	site_event(false);
	returned++;
}

static void case_twice(void)
{
	char *stack = map(OUTER_BYTES);
	struct coroutine c;

	for (int i = 0; i < ROUNDS; i++) {
		make(&c, stack, OUTER_BYTES, run_deeper, &main_context);
		enter(&c);
	}
}

static void case_unused(void)
{
	char *stack = map(OUTER_BYTES);
	struct coroutine c, at_the_end;

	for (int i = 0; i < ROUNDS; i++) {
		make(&c, stack, OUTER_BYTES, outer, &main_context);
		enter(&c);
		make(&at_the_end, stack, INNER_BYTES, inner, &main_context);
		enter(&at_the_end);
		enter(&at_the_end);
		enter(&c);
	}
}

/* ---- memory that is used again ---- */

static struct coroutine forgotten;

static void run_and_forget(void)
{
	char stack[INNER_BYTES];
	ucontext_t here;

	make(&forgotten, stack, sizeof(stack), inner, &here);
	enter(&forgotten);
	site_event(false);
	returned++;
}

static void case_after(void)
{
	char *stack = map(OUTER_BYTES);
	struct coroutine c;

	for (int i = 0; i < ROUNDS; i++) {
		make(&c, stack, OUTER_BYTES, run_and_forget, &main_context);
		enter(&c);
	}
	make(&c, stack, OUTER_BYTES, outer, &main_context);
	enter(&c);
	enter(&c);
	replaced = ROUNDS;
}

static void case_carved(void)
{
	char *stack = map(OUTER_BYTES);
	struct coroutine c, part;

	for (int i = 0; i < ROUNDS; i++) {
		make(&c, stack, OUTER_BYTES, outer, &main_context);
		enter(&c);
		for (char *at = stack; at < stack + OUTER_BYTES; at += INNER_BYTES) {
			make(&part, at, INNER_BYTES, inner, &main_context);
			enter(&part);
			enter(&part);
		}
	}
	replaced = ROUNDS;
}

static void case_joined(void)
{
	char *stack = map(OUTER_BYTES);
	struct coroutine c, part[4];

	for (int i = 0; i < ROUNDS; i++) {
		for (int at = 0; at < 4; at++) {
			make(&part[at], stack + at * INNER_BYTES, INNER_BYTES, inner,
			     &main_context);
			enter(&part[at]);
		}
		make(&c, stack, OUTER_BYTES, outer, &main_context);
		enter(&c);
		enter(&c);
	}
	replaced = 4 * ROUNDS;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{"frame", case_frame},   {"lent", case_lent},   {"twice", case_twice},
		{"unused", case_unused}, {"after", case_after}, {"carved", case_carved},
		{"joined", case_joined},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (argc > 1 && !strcmp(argv[1], cases[i].name))
			cases[i].run();
	free(malloc(77));
	say("{\"created\": %lu, \"switches\": %lu, \"finished\": %lu, \"replaced\": %lu, "
	    "\"inner\": %lu, \"outer\": %lu}\n",
	    made, switches, returned, replaced, inner_events, outer_events);
	return 0;
}
