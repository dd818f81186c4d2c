/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that GNU Pth can do, in an order that a seed decides: usage: chaos_pth SEED STEPS.
 * Threads that return, exit from deep inside, are cancelled, aborted, joined, detached or
 * suspended; that wait for what there is, and enter coroutines of ucontext's. Prints how many
 * there were.
 */
/* cs-link: -lpth */
#include <pth.h>

#include "chaos.h"

enum { MOST = 30 };

static struct thread {
	pth_t thread;
	bool suspended;
} threads[MOST];

static void leave(void)
{
	pth_yield(NULL);
}

static void end_thread(void *result)
{
	pth_exit(result);
}

/* ---- threads ---- */

static void *live(void *argument);

static struct thread *pick(const struct thread *self)
{
	unsigned place = below(MOST);

	for (unsigned i = 0; i < MOST; i++) {
		struct thread *one = &threads[(place + i) % MOST];

		if (one->thread && one != self)
			return one;
	}
	return NULL;
}

static void create(void)
{
	pth_attr_t attributes = pth_attr_new();
	unsigned place = 0;

	while (place < MOST && threads[place].thread)
		place++;
	if (place < MOST) {
		struct thread *one = &threads[place];

		one->suspended = false;
		check(pth_attr_set(attributes, PTH_ATTR_STACK_SIZE, 65536 + 4096 * below(4)));
		check(pth_attr_set(attributes, PTH_ATTR_NAME, "one"));
		if (below(3) == 0)
			check(pth_attr_set(attributes, PTH_ATTR_CANCEL_STATE,
			                   PTH_CANCEL_ENABLE | PTH_CANCEL_ASYNCHRONOUS));
		one->thread = pth_spawn(attributes, live, one);
		check(one->thread != NULL);
		created++;
	}
	pth_attr_destroy(attributes);
}

/* Ends somebody's life in one of the ways that there are. */
static void end_other(const struct thread *self)
{
	struct thread *one = pick(self);
	pth_t thread = one ? one->thread : NULL;

	if (!one)
		return;
	if (one->suspended) {
		pth_resume(thread);
		one->suspended = false;
	}
	switch (below(3)) {
	case 0:
		one->thread = NULL;
		pth_abort(thread);
		break;
	case 1:
		if (self)
			return;
		one->thread = NULL;
		pth_cancel(thread); /* unless it is dead */
		pth_join(thread, NULL);
		break;
	default:
		if (self)
			return;
		one->thread = NULL;
		pth_join(thread, NULL);
	}
}

static void suspend(const struct thread *self)
{
	struct thread *one = self ? NULL : pick(self); /* main knows whom to resume */

	if (one && !one->suspended)
		one->suspended = pth_suspend(one->thread);
	else if (one && pth_resume(one->thread))
		one->suspended = false;
}

static void rename_other(const struct thread *self)
{
	const struct thread *one = pick(self);

	if (!one)
		return;
	pth_attr_t attributes = pth_attr_of(one->thread);

	check(pth_attr_set(attributes, PTH_ATTR_NAME, "another name that is rather long"));
	pth_attr_destroy(attributes);
}

static void wait_somehow(void)
{
	pth_event_t time = pth_event(PTH_EVENT_TIME, pth_timeout(0, below(300)));

	if (below(2)) {
		pth_wait(time);
	} else {
		pth_event_t both = pth_event(PTH_EVENT_FD | PTH_UNTIL_FD_WRITEABLE, 2);

		pth_event_concat(time, both, NULL);
		pth_wait(time);
	}
	pth_event_free(time, PTH_FREE_ALL);
}

static void step(struct thread *self)
{
	switch (below(10)) {
	case 0:
		create();
		break;
	case 1:
		end_other(self);
		break;
	case 2:
		suspend(self);
		break;
	case 3:
		enter_inner();
		break;
	case 4:
		rename_other(self);
		break;
	case 5:
		wait_somehow();
		break;
	case 6:
	case 7:
		site_event();
		break;
	default:
		pth_yield(NULL);
	}
}

static void *live(void *argument)
{
	struct thread *self = argument;

	for (unsigned i = below(8); i > 0; i--)
		step(self);
	if (below(3) == 0)
		end_deep(self, below(20));
	return self;
}

int main(int argc, char **argv)
{
	unsigned long steps = begin(argc, argv);

	check(pth_init());
	for (unsigned long i = 0; i < steps; i++)
		step(NULL);
	for (int i = 0; i < MOST; i++) {
		if (!threads[i].thread)
			continue;
		pth_resume(threads[i].thread);
		pth_abort(threads[i].thread);
	}
	site_event();
	say("{\"pth\": [%lu, %lu], \"ucontext\": [%lu, %lu]}\n", created + 2, created, inner,
	    inner);
	return 0;
}
