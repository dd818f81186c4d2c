/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GNU Pth. usage:
 *
 *   coro_pth count THREADS ROUNDS     yields; some exit in the middle, some are cancelled;
 *                                     dispatches as Pth itself counts them
 *   coro_pth parked EACH              waits for everything that there is to wait for; says who
 *                                     waits for what, goes on when stdin ends
 *   coro_pth server CLIENTS ROUNDS    an echo server and its clients, over TCP
 */
/* cs-link: -lpth */
#include <netinet/in.h>
#include <pth.h>
#include <signal.h>
#include <sys/socket.h>

#include "target.h"

static unsigned long dispatches, finished, rounds;

static pth_attr_t named(const char *name)
{
	pth_attr_t attributes = pth_attr_new();

	check(pth_attr_set(attributes, PTH_ATTR_NAME, name));
	check(pth_attr_set(attributes, PTH_ATTR_STACK_SIZE, 65536));
	return attributes;
}

SITE static pth_t spawn(const char *name, void *(*start)(void *), void *argument)
{
	pth_attr_t attributes = named(name);
	pth_t thread = pth_spawn(attributes, start, argument);

	check(thread != NULL);
	pth_attr_destroy(attributes);
	return thread;
}

/* ---- count ---- */

static unsigned dispatches_of(pth_t thread)
{
	pth_attr_t attributes = pth_attr_of(thread);
	int count = 0;

	check(attributes && pth_attr_get(attributes, PTH_ATTR_DISPATCHES, &count));
	pth_attr_destroy(attributes);
	return (unsigned)count;
}

SITE static void site_on_thread(void)
{
	free(malloc(99));
}

static void *counted(void *argument)
{
	unsigned long number = (unsigned long)argument;

	site_on_thread();
	for (unsigned long i = 0; i < rounds; i++)
		pth_yield(NULL);
	dispatches += dispatches_of(pth_self());
	finished++;
	if (number % 2)
		pth_exit(NULL);
	return NULL;
}

static void *forever(void *argument)
{
	site_on_thread();
	while (argument == NULL)
		pth_sleep(1000);
	return NULL;
}

static void count(unsigned long threads)
{
	pth_t *all = calloc(threads, sizeof(*all)), cancelled[4];

	check(all != NULL);
	for (unsigned long i = 0; i < threads; i++)
		all[i] = spawn("counted", counted, (void *)i);
	for (int i = 0; i < 4; i++)
		cancelled[i] = spawn("forever", forever, NULL);
	for (unsigned long i = 0; i < threads; i++)
		check(pth_join(all[i], NULL));
	for (int i = 0; i < 4; i++) {
		dispatches += dispatches_of(cancelled[i]);
		check(pth_abort(cancelled[i]));
	}
	say("{\"created\": %lu, \"switches\": %lu, \"finished\": %lu, \"cancelled\": 4}\n",
	    threads + 4, dispatches, finished);
	say("main %u\n", dispatches_of(pth_self()));
}

/* ---- parked ---- */

static pth_mutex_t mutex = PTH_MUTEX_INIT, cond_mutex = PTH_MUTEX_INIT;
static pth_cond_t cond = PTH_COND_INIT;
static pth_msgport_t port;
static pth_t sleeper;
static int ends[2];
static bool never;

static void *wait_fd(void *argument)
{
	char byte;

	(void)argument;
	pth_read(ends[0], &byte, 1);
	return NULL;
}

static void *wait_select(void *argument)
{
	fd_set set;

	(void)argument;
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	pth_select(ends[0] + 1, &set, NULL, NULL, NULL);
	return NULL;
}

static void *wait_signal(void *argument)
{
	sigset_t set;
	int number;

	(void)argument;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pth_sigwait(&set, &number);
	return NULL;
}

static void *wait_time(void *argument)
{
	(void)argument;
	pth_sleep(1000);
	return NULL;
}

static void *wait_message(void *argument)
{
	pth_event_t event = pth_event(PTH_EVENT_MSG, port);

	(void)argument;
	pth_wait(event);
	return NULL;
}

static void *wait_mutex(void *argument)
{
	(void)argument;
	pth_mutex_acquire(&mutex, FALSE, NULL);
	return NULL;
}

static void *wait_cond(void *argument)
{
	(void)argument;
	pth_mutex_acquire(&cond_mutex, FALSE, NULL);
	pth_cond_await(&cond, &cond_mutex, NULL);
	return NULL;
}

static void *wait_thread(void *argument)
{
	(void)argument;
	pth_join(sleeper, NULL);
	return NULL;
}

static void *is_dead_soon(void *argument)
{
	return argument;
}

static int is_over(void *argument)
{
	return *(bool *)argument;
}

static void *wait_function(void *argument)
{
	pth_event_t event = pth_event(PTH_EVENT_FUNC, is_over, &never, pth_time(3, 0));

	(void)argument;
	pth_wait(event);
	return NULL;
}

static void *wait_two(void *argument)
{
	pth_event_t one = pth_event(PTH_EVENT_FD | PTH_UNTIL_FD_READABLE, ends[0]);
	pth_event_t two = pth_event(PTH_EVENT_TIME, pth_timeout(1000, 0));

	(void)argument;
	pth_wait(pth_event_concat(one, two, NULL));
	return NULL;
}

static const struct kind {
	const char *reason;
	void *(*start)(void *);
} kinds[] = {
	{"fd", wait_fd},       {"select", wait_select},  {"sigs", wait_signal},
	{"time", wait_time},   {"msg", wait_message},    {"mutex", wait_mutex},
	{"cond", wait_cond},   {"tid", wait_thread},     {"func", wait_function},
	{"fd+time", wait_two}, {"suspended", wait_time}, {"suspended new", wait_time},
	{"time", wait_time},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static void tell(const char *what, unsigned long which)
{
	say("count %s %ld\n", what, pth_ctrl(which));
}

static void parked(unsigned long each)
{
	char line;

	check(pipe(ends) == 0);
	port = pth_msgport_create("port");
	pth_mutex_acquire(&mutex, FALSE, NULL);
	sleeper = spawn("sleeper", wait_time, NULL);
	say("thread sleeper time\n");
	spawn("unjoined", is_dead_soon, NULL);
	for (unsigned i = 0; i < KINDS; i++)
		for (unsigned long j = 0; j < each; j++) {
			char name[32];
			pth_t thread;

			snprintf(name, sizeof(name), "kind-%u-%lu", i, j);
			thread = spawn(name, kinds[i].start, NULL);
			if (strcmp(kinds[i].reason, "suspended new") == 0)
				check(pth_suspend(thread));
			pth_nap(pth_time(0, 2000));
			if (strcmp(kinds[i].reason, "suspended") == 0)
				check(pth_suspend(thread));
			if (i == KINDS - 1) { /* suspended and resumed, and named anew */
				pth_attr_t attributes = pth_attr_of(thread);

				check(pth_suspend(thread) && pth_resume(thread));
				snprintf(name, sizeof(name), "renamed-%lu", j);
				check(pth_attr_set(attributes, PTH_ATTR_NAME, name));
				pth_attr_destroy(attributes);
			}
			say("thread %s %s\n", name, kinds[i].reason);
		}
	tell("waiting", PTH_CTRL_GETTHREADS_WAITING);
	tell("suspended", PTH_CTRL_GETTHREADS_SUSPENDED);
	tell("dead", PTH_CTRL_GETTHREADS_DEAD);
	tell("all", PTH_CTRL_GETTHREADS);
	say("ready\n");
	while (pth_read(0, &line, 1) > 0)
		continue;
	say("done\n");
}

/* ---- server ---- */

static unsigned long served, answered;

static void *serve(void *argument)
{
	int connection = (int)(long)argument;
	char *buffer = malloc(4096);
	ssize_t bytes;

	check(buffer != NULL);
	while ((bytes = pth_read(connection, buffer, 4096)) > 0) {
		check(pth_write(connection, buffer, (size_t)bytes) == bytes);
		served++;
	}
	free(buffer);
	close(connection);
	return NULL;
}

static void *accept_all(void *argument)
{
	int listener = (int)(long)argument;
	pth_attr_t attributes = named("connection");
	int connection;

	pth_attr_set(attributes, PTH_ATTR_JOINABLE, FALSE);
	while ((connection = pth_accept(listener, NULL, NULL)) >= 0)
		check(pth_spawn(attributes, serve, (void *)(long)connection) != NULL);
	return NULL;
}

static void *ask(void *argument)
{
	const struct sockaddr_in *address = argument;
	int connection = socket(AF_INET, SOCK_STREAM, 0);
	char text[64], answer[64];

	check(pth_connect(connection, (const struct sockaddr *)address, sizeof(*address)) == 0);
	for (unsigned long i = 0; i < rounds; i++) {
		int bytes = snprintf(text, sizeof(text), "request %lu", i);

		check(pth_write(connection, text, (size_t)bytes) == bytes);
		check(pth_read(connection, answer, sizeof(answer)) == bytes);
		check(memcmp(text, answer, (size_t)bytes) == 0);
		answered++;
	}
	close(connection);
	return NULL;
}

static void server(unsigned long clients)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	pth_t *all = calloc(clients, sizeof(*all));

	check(all && bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	check(listen(listener, 128) == 0);
	check(getsockname(listener, (struct sockaddr *)&address, &bytes) == 0);
	spawn("listener", accept_all, (void *)(long)listener);
	for (unsigned long i = 0; i < clients; i++)
		all[i] = spawn("client", ask, &address);
	for (unsigned long i = 0; i < clients; i++)
		check(pth_join(all[i], NULL));
	for (int i = 0; i < 20; i++) /* the last ones of the server see the end, each in a turn */
		pth_nap(pth_time(0, 5000));
	say("{\"served\": %lu, \"answered\": %lu, \"threads\": %ld}\n", served, answered,
	    pth_ctrl(PTH_CTRL_GETTHREADS));
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "count";
	unsigned long first = argument(argc, argv, 2, 10);

	rounds = argument(argc, argv, 3, 5);
	check(pth_init());
	if (strcmp(mode, "count") == 0)
		count(first);
	else if (strcmp(mode, "parked") == 0)
		parked(first);
	else
		server(first);
	return 0;
}
