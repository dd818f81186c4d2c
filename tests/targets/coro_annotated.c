/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small runtime of coroutines of its own, with annotations: usage: coro_annotated COUNT
 * SWITCHES [crash]. The lines that begin with coroscope_ are all that it takes; without a
 * recorder they do nothing.
 */
#include <signal.h>

#include "../../agent/include/coroscope.h"
#include "switcher.h"
#include "target.h"

#define STACK_BYTES 16384

/* ---- the runtime ---- */

struct coroutine {
	void *sp;
	struct coroscope scope;
	void (*function)(struct coroutine *self);
	unsigned long number, switches, limit;
	bool done;
	char stack[STACK_BYTES] __attribute__((aligned(16)));
};

static struct coroutine *current;
static void *main_sp;

SITE static void run(struct coroutine *to)
{
	current = to;
	coroscope_switch(NULL, &to->scope);
	switch_stacks(&main_sp, to->sp);
}

SITE static void yield(const char *reason)
{
	struct coroutine *self = current;

	coroscope_park(reason);
	coroscope_switch(&self->scope, NULL);
	switch_stacks(&self->sp, main_sp);
}

static void begin(void)
{
	struct coroutine *self = current;

	self->function(self);
	self->done = true;
	coroscope_switch(&self->scope, NULL);
	coroscope_finish(&self->scope);
	switch_stacks(&self->sp, main_sp);
}

SITE static void site_spawn(struct coroutine *c, void (*function)(struct coroutine *self))
{
	c->function = function;
	c->sp = first_stack(c->stack + STACK_BYTES, begin);
	coroscope_create(&c->scope, c->stack, STACK_BYTES, (void *)function);
}

/* ---- who uses it ---- */

SITE static void site_in_coroutine(struct coroutine *self)
{
	free(malloc(32 + self->number));
}

SITE static void body(struct coroutine *self)
{
	while (++self->switches < self->limit) {
		site_in_coroutine(self);
		yield(self->number % 2 ? "odd things" : "even things");
	}
}

int main(int argc, char **argv)
{
	unsigned long count = argument(argc, argv, 1, 10), rounds = argument(argc, argv, 2, 5);
	struct coroutine *all = aligned_alloc(16, count * sizeof(*all));
	unsigned long switches = 0, finished = 0;

	check(all != NULL);
	memset(all, 0, count * sizeof(*all));
	for (unsigned long i = 0; i < count; i++) {
		char name[32];

		all[i].number = i;
		all[i].limit = i % 2 ? rounds : rounds + 1;
		site_spawn(&all[i], body);
		snprintf(name, sizeof(name), "worker %lu", i);
		coroscope_name(&all[i].scope, name);
		coroscope_label(&all[i].scope, i % 2 ? "parity=odd" : "parity=even");
	}
	for (unsigned long round = 0; round < rounds; round++)
		for (unsigned long i = 0; i < count; i++)
			run(&all[i]);
	for (unsigned long i = 0; i < count; i++) {
		switches += all[i].switches;
		finished += all[i].done;
	}
	if (count > 0)
		coroscope_wake(&all[0].scope);
	say("{\"created\": %lu, \"switches\": %lu, \"finished\": %lu}\n", count, switches,
	    finished);
	if (argc > 3)
		raise(SIGKILL);
	return 0;
}
