/* SPDX-License-Identifier: Apache-2.0 */
/* cs-link: -lst -Wl,-z,now */
/* What the hooks of State Threads need of a thread's stack. */
#include <st.h>

#include "hooks.h"

static st_cond_t condition;
static st_mutex_t mutex;
static st_thread_t sleeper;

static void *end_at_once(void *argument)
{
	return argument;
}

static void *wait_for_signal(void *argument)
{
	st_cond_wait(condition);
	return argument;
}

static void *wait_for_mutex(void *argument)
{
	st_mutex_lock(mutex);
	st_mutex_unlock(mutex);
	return argument;
}

static void *sleep_long(void *argument)
{
	st_sleep(1000);
	return argument;
}

static void start(void *(*function)(void *))
{
	check(st_thread_create(function, NULL, 0, 65536) != NULL);
	st_usleep(0); /* it waits now */
}

static void create(void)
{
	check(st_thread_create(end_at_once, NULL, 0, 65536) != NULL);
}

static void join(void)
{
	st_thread_t thread = st_thread_create(end_at_once, NULL, 1, 65536);

	check(thread && st_thread_join(thread, NULL) == 0);
}

static void give_way(void)
{
	st_usleep(0);
}

static void one_signal(void)
{
	st_cond_signal(condition);
}

static void all_signal(void)
{
	st_cond_broadcast(condition);
}

static void unlock(void)
{
	st_mutex_unlock(mutex);
	st_mutex_lock(mutex);
}

static void interrupt(void)
{
	st_thread_interrupt(sleeper);
}

static void callbacks(void)
{
	st_set_switch_in_cb(NULL);
	st_set_switch_out_cb(NULL);
}

static void *measure_all(void *argument)
{
	measure("st_thread_create", create, NULL);
	measure("st_thread_join", join, NULL);
	measure("st_usleep", give_way, NULL);
	start(wait_for_signal);
	start(wait_for_signal);
	measure("st_cond_signal", one_signal, NULL);
	start(wait_for_signal);
	measure("st_cond_broadcast", all_signal, NULL);
	st_mutex_lock(mutex);
	start(wait_for_mutex);
	measure("st_mutex_unlock", unlock, NULL);
	st_mutex_unlock(mutex);
	sleeper = st_thread_create(sleep_long, NULL, 1, 65536);
	st_usleep(0);
	measure("st_thread_interrupt", interrupt, NULL);
	check(st_thread_join(sleeper, NULL) == 0);
	measure("st_set_switch_cb", callbacks, NULL);
	return argument;
}

int main(void)
{
	st_thread_t thread;

	check(st_init() == 0);
	condition = st_cond_new();
	mutex = st_mutex_new();
	thread = st_thread_create(measure_all, NULL, 1, 65536);
	check(thread && condition && mutex && st_thread_join(thread, NULL) == 0);
	report();
	return 0;
}
