/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads of State Threads that note where they are and park on a condition: usage:
 * coro_parked_st COUNT. See parked.h for what is printed. Then all are woken, and end.
 */
/* cs-link: -lst */
#include <st.h>

#include "parked.h"

static st_cond_t condition;
static bool go;

static inline void parked_park(struct parked *self)
{
	(void)self;
	while (!go)
		st_cond_wait(condition);
}

static void *body(void *self)
{
	parked_run((struct parked *)self);
	__asm__ volatile("" ::: "memory");
	return NULL;
}

SITE static st_thread_t spawn(struct parked *one)
{
	st_thread_t thread = st_thread_create(body, one, 1, 32768);

	check(thread);
	return thread;
}

int main(int argc, char **argv)
{
	unsigned long count = argument(argc, argv, 1, 1000);
	struct parked *all = (struct parked *)calloc(count, sizeof(*all));
	st_thread_t *threads = (st_thread_t *)calloc(count, sizeof(st_thread_t));

	check(st_init() == 0);
	condition = st_cond_new();
	for (unsigned long i = 0; i < count; i++) {
		all[i].number = (unsigned)i;
		threads[i] = spawn(&all[i]);
	}
	st_usleep(1);
	parked_tell(all, count, sizeof(*all));
	go = true;
	st_cond_broadcast(condition);
	for (unsigned long i = 0; i < count; i++)
		st_thread_join(threads[i], NULL);
	say("done\n");
	return 0;
}
