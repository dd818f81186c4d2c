/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that State Threads can do, in an order that a seed decides: usage: chaos_st SEED
 * STEPS. Threads that end by returning or by st_thread_exit, joined, not yet joined when they
 * end, or never; that wait, are interrupted, make others, and enter coroutines of ucontext's.
 * Prints how many there were.
 */
/* cs-link: -lst */
#include <st.h>

#include "chaos.h"

enum { MOST = 40 };

static struct thread {
	st_thread_t thread;
	bool joinable, joined, ended;
} threads[MOST];

static unsigned long ended;
static st_cond_t condition;
static st_mutex_t mutex;
static int alive;

static void leave(void)
{
	st_usleep(0);
}

static void end_thread(void *result)
{
	st_thread_exit(result);
}

/* ---- threads ---- */

static void *live(void *argument);

static void create(void)
{
	static const int sizes[] = {0, 65536, 80000, 131072};
	unsigned place = below(MOST);
	struct thread *one = &threads[place];

	for (unsigned i = 0; i < MOST && one->thread; i++)
		one = &threads[++place % MOST];
	if (one->thread)
		return;
	one->joinable = below(2);
	one->joined = one->ended = false;
	one->thread = st_thread_create(live, one, one->joinable, sizes[below(4)]);
	check(one->thread != NULL);
	created++;
	alive++;
}

/* Forgets who has ended and was not to be joined, joins somebody who was. */
static void join(struct thread *self)
{
	unsigned place = below(MOST);

	for (unsigned i = 0; i < MOST; i++) {
		struct thread *one = &threads[(place + i) % MOST];

		if (one == self || !one->thread || one->joined)
			continue;
		if (!one->joinable && one->ended) {
			one->thread = NULL;
			continue;
		}
		/* Whoever waits for one that waits for it would wait for ever. */
		if (!one->joinable || (self && !one->ended))
			continue;
		one->joined = true;
		void *result = NULL;

		if (st_thread_join(one->thread, &result) == 0)
			check(result == one);
		one->thread = NULL;
		return;
	}
}

static void interrupt(const struct thread *self)
{
	const struct thread *one = &threads[below(MOST)];

	if (one != self && one->thread && !one->ended)
		st_thread_interrupt(one->thread);
}

static void wait_somehow(void)
{
	switch (below(5)) {
	case 0:
		st_usleep(0);
		break;
	case 1:
		st_usleep(below(100));
		break;
	case 2:
		st_cond_timedwait(condition, below(200));
		break;
	case 3:
		if (st_mutex_lock(mutex) == 0) {
			st_usleep(0);
			check(st_mutex_unlock(mutex) == 0);
		}
		break;
	default:
		st_cond_broadcast(condition);
	}
}

static void step(struct thread *self)
{
	switch (below(9)) {
	case 0:
		create();
		break;
	case 1:
		join(self);
		break;
	case 2:
		interrupt(self);
		break;
	case 3:
		enter_inner();
		break;
	case 4:
	case 5:
		site_event();
		break;
	default:
		wait_somehow();
	}
}

static void *live(void *argument)
{
	struct thread *self = argument;

	for (unsigned i = below(8); i > 0; i--)
		step(self);
	self->ended = true;
	ended++;
	alive--;
	if (below(3) == 0)
		end_deep(self, below(20));
	return self;
}

int main(int argc, char **argv)
{
	unsigned long steps = begin(argc, argv);

	check(st_init() == 0);
	condition = st_cond_new();
	mutex = st_mutex_new();
	for (unsigned long i = 0; i < steps; i++)
		step(NULL);
	while (alive > 0)
		st_usleep(100);
	for (int i = 0; i < MOST; i++)
		join(NULL);
	st_usleep(0);
	site_event();
	check(created == ended);
	say("{\"state-threads\": [%lu, %lu], \"ucontext\": [%lu, %lu]}\n", created + 1, ended,
	    inner, inner);
	return 0;
}
