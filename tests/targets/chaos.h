/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs of threads in user space share that do everything in an order which a seed
 * decides: chance, events, coroutines of ucontext's within a thread, and ends deep inside.
 */
#ifndef CHAOS_H
#define CHAOS_H

#include <ucontext.h>

#include "target.h"

enum { INNER_BYTES = 32768 };

static uint64_t seed;
static unsigned long created, inner;

/* To be had from the program: its thread gives way to others; it ends, with RESULT. */
static void leave(void);
static void end_thread(void *result);

/* SEED STEPS are the arguments of all of them; returns the steps. */
static unsigned long begin(int argc, char **argv)
{
	seed = argument(argc, argv, 1, 1) * 0x9e3779b97f4a7c15u + 1;
	return argument(argc, argv, 2, 300);
}

static unsigned below(unsigned limit)
{
	return (unsigned)random_below(&seed, limit);
}

SITE static void site_event(void)
{
	free(malloc(1 + below(6000)));
}

struct inner {
	ucontext_t outside, inside;
	char stack[INNER_BYTES];
};

static struct inner *entering;

static void run_inner(void)
{
	struct inner *self = entering;

	site_event();
	leave(); /* from within */
	site_event();
	check(swapcontext(&self->inside, &self->outside) == 0);
	site_event();
}

/* A coroutine of another kind, which returns or is dropped where it is. */
static void enter_inner(void)
{
	struct inner *self = malloc(sizeof(*self));
	bool ends = below(2);

	check(self && getcontext(&self->inside) == 0);
	self->inside.uc_stack.ss_sp = self->stack;
	self->inside.uc_stack.ss_size = sizeof(self->stack);
	self->inside.uc_link = &self->outside;
	makecontext(&self->inside, run_inner, 0);
	inner++;
	for (int i = 0; i < 1 + ends; i++) {
		entering = self;
		check(swapcontext(&self->outside, &self->inside) == 0);
	}
	free(self);
}

SITE static void end_deep(void *result, unsigned depth)
{
	volatile char here[64];

	here[0] = (char)depth;
	if (depth > 0 && here[0] >= 0)
		end_deep(result, depth - 1);
	else
		end_thread(result);
}

#endif
