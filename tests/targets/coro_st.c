/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State Threads: usage: coro_st COUNT ROUNDS. Threads that sleep and go on, some that end
 * without ever waiting, some that end by st_thread_exit; with callbacks of the program's own,
 * which count.
 */
/* cs-link: -lst */
#include <st.h>

#include "target.h"

static unsigned long rounds, switched_in, never_waited;

static void came_in(void)
{
	switched_in++;
}

SITE static void site_on_thread(void)
{
	free(malloc(99));
}

static void *wait_and_work(void *argument)
{
	unsigned long number = (unsigned long)argument;

	for (unsigned long i = 0; i < rounds; i++) {
		site_on_thread();
		st_usleep(0);
	}
	if (number % 2)
		st_thread_exit(NULL);
	return NULL;
}

static void *end_at_once(void *argument)
{
	(void)argument;
	never_waited++;
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long count = argument(argc, argv, 1, 10);
	st_thread_t *all = calloc(count, sizeof(*all));

	rounds = argument(argc, argv, 2, 5);
	check(all != NULL && st_init() == 0);
	check(st_set_switch_in_cb(came_in) == NULL);
	check(st_set_switch_in_cb(came_in) == came_in);
	for (unsigned long i = 0; i < count; i++) {
		all[i] = st_thread_create(wait_and_work, (void *)i, 1, 32768);
		check(all[i] != NULL);
	}
	for (unsigned long i = 0; i < count; i++)
		check(st_thread_create(end_at_once, NULL, 0, 32768) != NULL);
	for (unsigned long i = 0; i < count; i++)
		check(st_thread_join(all[i], NULL) == 0);
	check(never_waited == count);
	st_usleep(0); /* those that were joined go */
	/* Each is dispatched once before it can be told of, and once more when it was joined. */
	say("{\"created\": %lu, \"switches\": %lu, \"finished\": %lu}\n", 2 * count + 1,
	    count * (rounds + 3), 2 * count);
	return 0;
}
