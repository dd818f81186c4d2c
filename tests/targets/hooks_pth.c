/* SPDX-License-Identifier: Apache-2.0 */
/* cs-link: -lpth -Wl,-z,now */
/* What the hooks of GNU Pth need of a thread's stack. */
#include <pth.h>

#include "hooks.h"

static pth_t other, victims[2];
static int victims_left = 2;
static pth_attr_t attributes;

static void *end_at_once(void *argument)
{
	return argument;
}

static void *for_ever(void *argument)
{
	for (;;)
		pth_yield(NULL);
	return argument;
}

static void spawn(void)
{
	pth_t thread = pth_spawn(attributes, end_at_once, NULL);

	check(thread != NULL && pth_join(thread, NULL));
}

static void give_way(void)
{
	check(pth_yield(NULL));
}

static void wait_for_time(void)
{
	pth_event_t event = pth_event(PTH_EVENT_TIME, pth_timeout(0, 1000));

	check(pth_wait(event) == 1);
	pth_event_free(event, PTH_FREE_ALL);
}

static void suspend(void)
{
	check(pth_suspend(other));
	check(pth_resume(other));
}

static void rename_it(void)
{
	pth_attr_t bound = pth_attr_of(other);

	check(pth_attr_set(bound, PTH_ATTR_NAME, "another name"));
	pth_attr_destroy(bound);
}

static void abort_one(void)
{
	check(pth_abort(victims[--victims_left]));
}

static void *measure_all(void *argument)
{
	measure("pth_spawn", spawn, NULL);
	measure("pth_yield", give_way, NULL);
	measure("pth_wait", wait_for_time, NULL);
	measure("pth_suspend", suspend, NULL);
	measure("pth_attr_set", rename_it, NULL);
	for (int i = 0; i < 2; i++) {
		victims[i] = pth_spawn(attributes, for_ever, NULL);
		check(victims[i] && pth_yield(NULL));
	}
	measure("pth_abort", abort_one, NULL);
	return argument;
}

int main(void)
{
	pth_t thread;

	check(pth_init());
	attributes = pth_attr_new();
	check(pth_attr_set(attributes, PTH_ATTR_STACK_SIZE, 65536));
	check(pth_attr_set(attributes, PTH_ATTR_JOINABLE, TRUE));
	other = pth_spawn(attributes, for_ever, NULL);
	thread = pth_spawn(attributes, measure_all, NULL);
	check(other && thread && pth_join(thread, NULL));
	report();
	return 0;
}
