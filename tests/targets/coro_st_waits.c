/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State Threads that wait for each thing that there is to wait for, in the order of `waits`
 * below. Says "ready", and lets all of them go at the end of its input; then ROUNDS times wakes
 * COUNT others by conditions, a mutex and interrupts, and prints how often: usage:
 * coro_st_waits COUNT ROUNDS.
 */
/* cs-link: -lst */
#include <errno.h>
#include <netinet/in.h>
#include <st.h>
#include <sys/socket.h>

#include "target.h"

static st_cond_t condition;
static st_mutex_t held;
static st_netfd_t listening, unread, full, silent;
static st_thread_t joined;
static bool go;

/* ---- what there is to wait for ---- */

static void lock(void)
{
	st_mutex_lock(held);
	st_mutex_unlock(held);
}

static void wait(void)
{
	while (!go)
		st_cond_wait(condition);
}

static void wait_timed(void)
{
	while (!go)
		st_cond_timedwait(condition, 1000000000);
}

static void sleep_long(void)
{
	st_sleep(1000);
}

static void sleep_often(void)
{
	while (!go)
		st_usleep(20000);
}

static void take(void)
{
	st_accept(listening, NULL, NULL, ST_UTIME_NO_TIMEOUT);
}

static void get(void)
{
	char byte;

	st_read_fully(unread, &byte, 1, ST_UTIME_NO_TIMEOUT);
}

static void fill(void)
{
	static char many[1 << 20];

	st_write(full, many, sizeof(many), ST_UTIME_NO_TIMEOUT);
}

static void poll_one(void)
{
	st_netfd_poll(silent, POLLIN, ST_UTIME_NO_TIMEOUT);
}

static void end(void)
{
}

static void join(void)
{
	st_thread_join(joined, NULL);
}

static void (*const waits[])(void) = {lock, wait, wait_timed, sleep_long, sleep_often, take,
                                      get,  fill, poll_one,   join,       end};
enum { SLEEPS_LONG = 3, SLEEPS_OFTEN = 4, JOINS = 9 };
#define WAITS (sizeof(waits) / sizeof(*waits))

static void *wait_for(void *which)
{
	waits[(uintptr_t)which]();
	return NULL;
}

static st_netfd_t one_end(void)
{
	int ends[2];

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	return st_netfd_open_socket(ends[0]);
}

static st_netfd_t listen_somewhere(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	check(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 5) == 0);
	return st_netfd_open_socket(fd);
}

static void wait_for_everything(void)
{
	st_thread_t those[WAITS];
	char byte;

	listening = listen_somewhere();
	unread = one_end();
	full = one_end();
	silent = one_end();
	st_mutex_lock(held);
	for (uintptr_t i = 0; i < WAITS; i++) {
		those[i] = st_thread_create(wait_for, (void *)i, 1, 32768);
	}
	joined = those[SLEEPS_LONG];
	st_usleep(1000);
	say("ready\n");
	while (read(0, &byte, 1) > 0)
		continue;
	go = true;
	st_mutex_unlock(held);
	st_cond_broadcast(condition);
	for (size_t i = 0; i < WAITS; i++)
		if (i != SLEEPS_OFTEN && i != JOINS)
			st_thread_interrupt(those[i]);
	for (size_t i = 0; i < WAITS; i++)
		if (i != SLEEPS_LONG)
			st_thread_join(those[i], NULL);
}

/* ---- who is woken ---- */

static unsigned long rounds, woken;

static void *work(void *self)
{
	(void)self;
	for (unsigned long i = 0; i < rounds; i++) {
		st_cond_wait(condition);
		st_mutex_lock(held);
		st_mutex_unlock(held);
		st_sleep(1000);
		check(errno == EINTR);
	}
	return NULL;
}

static void wake_all(unsigned long count)
{
	st_thread_t *all = calloc(count, sizeof(*all));

	for (unsigned long i = 0; i < count; i++)
		all[i] = st_thread_create(work, NULL, 1, 32768);
	st_usleep(0);
	for (unsigned long i = 0; i < rounds; i++) {
		st_mutex_lock(held);
		st_cond_signal(condition);
		st_cond_broadcast(condition);
		st_cond_broadcast(condition); /* nobody is left */
		woken += count;
		st_usleep(0);
		st_mutex_unlock(held); /* and each lets the next one go */
		woken += count;
		st_usleep(0);
		for (unsigned long n = 0; n < count; n++) {
			st_thread_interrupt(all[n]);
			st_thread_interrupt(all[n]);
		}
		woken += count;
		st_usleep(0);
	}
	for (unsigned long i = 0; i < count; i++)
		st_thread_join(all[i], NULL);
	woken += count;
	st_usleep(0); /* those that were joined go */
}

int main(int argc, char **argv)
{
	unsigned long count = argument(argc, argv, 1, 10);

	rounds = argument(argc, argv, 2, 5);
	check(st_init() == 0);
	condition = st_cond_new();
	held = st_mutex_new();
	if (count)
		wake_all(count);
	else
		wait_for_everything();
	say("{\"woken\": %lu}\n", woken);
	return 0;
}
