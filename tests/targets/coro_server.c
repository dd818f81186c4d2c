/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server as people write them: one thread, a coroutine for each connection, a loop that
 * polls and switches. usage: coro_server CONNECTIONS SECONDS. A second thread plays the
 * clients: most log in and idle, some search, some upload and are slow. What a session has
 * read stays in its cache, so memory grows. For ./dev demo, and for whoever wants to see
 * something.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <ucontext.h>

#include "target.h"

#define STACK_BYTES 32768
#define PAGE_BYTES 2000

struct session {
	ucontext_t context;
	int fd;
	unsigned requests;
	char **cache;
	unsigned cached;
	bool ended;
};

static ucontext_t loop;
static struct session *sessions;
static struct pollfd *polls;
static int *clients;
static unsigned long count;
static volatile bool stop;

/* ---- what a coroutine may do: wait for its connection ---- */

SITE static void wait_readable(struct session *session)
{
	swapcontext(&session->context, &loop);
	__asm__ volatile("" ::: "memory");
}

SITE static char read_byte(struct session *session)
{
	char byte = 'q';

	while (read(session->fd, &byte, 1) < 0 && errno == EAGAIN)
		wait_readable(session);
	return byte;
}

/* ---- requests ---- */

SITE static char *remember(struct session *session, unsigned bytes)
{
	char *page = (char *)malloc(bytes);

	check(page);
	memset(page, 'x', bytes);
	session->cache = (char **)realloc(session->cache, (session->cached + 1) * sizeof(char *));
	session->cache[session->cached++] = page;
	return page;
}

SITE static void search(struct session *session)
{
	char *page = remember(session, PAGE_BYTES);

	page[0] = read_byte(session); /* what to search for */
}

SITE static void upload(struct session *session)
{
	for (unsigned part = 0; part < 4; part++) {
		char *page = remember(session, 4 * PAGE_BYTES);
		page[0] = read_byte(session);
		if (page[0] == 'q')
			return;
	}
}

SITE static void log_in(struct session *session)
{
	remember(session, 300)[0] = 'l';
}

SITE static bool serve_request(struct session *session)
{
	switch (read_byte(session)) {
	case 'l':
		log_in(session);
		break;
	case 's':
		search(session);
		break;
	case 'u':
		upload(session);
		break;
	default:
		return false;
	}
	session->requests++;
	return true;
}

static void serve_connection(unsigned low, unsigned high)
{
	struct session *session = (struct session *)((uintptr_t)high << 32 | low);

	while (serve_request(session))
		continue;
	session->ended = true;
}

/* ---- the loop ---- */

SITE static void accept_connection(struct session *session, int fd)
{
	session->fd = fd;
	check(getcontext(&session->context) == 0);
	session->context.uc_stack.ss_sp = malloc(STACK_BYTES);
	session->context.uc_stack.ss_size = STACK_BYTES;
	session->context.uc_link = &loop;
	makecontext(&session->context, (void (*)(void))serve_connection, 2,
	            (unsigned)(uintptr_t)session, (unsigned)((uintptr_t)session >> 32));
	swapcontext(&loop, &session->context);
}

static void run_loop(void)
{
	while (!stop) {
		if (poll(polls, count, 100) <= 0)
			continue;
		for (unsigned long i = 0; i < count; i++)
			if (polls[i].revents && !sessions[i].ended)
				swapcontext(&loop, &sessions[i].context);
	}
}

/* ---- clients ---- */

static void *play_clients(void *seconds)
{
	uint64_t end = mono_ns() + (uint64_t)(uintptr_t)seconds * 1000000000u;
	uint64_t seed = 1;

	for (unsigned long i = 0; i < count; i++)
		put(clients[i], "l", 1);
	while (mono_ns() < end) {
		unsigned long i = random_below(&seed, count);
		put(clients[i], i % 10 == 0 ? "u" : i % 3 == 0 ? "s" : "l", 1);
		sleep_ms(1);
	}
	stop = true;
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	count = argument(argc, argv, 1, 1000);
	sessions = (struct session *)calloc(count, sizeof(*sessions));
	polls = (struct pollfd *)calloc(count, sizeof(*polls));
	clients = (int *)calloc(count, sizeof(*clients));
	for (unsigned long i = 0; i < count; i++) {
		int pair[2];
		check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
		clients[i] = pair[1];
		polls[i] = (struct pollfd){.fd = pair[0], .events = POLLIN};
		accept_connection(&sessions[i], pair[0]);
	}
	pthread_create(&thread, NULL, play_clients, (void *)argument(argc, argv, 2, 5));
	run_loop();
	pthread_join(thread, NULL);
	say("%lu connections\n", count);
	return 0;
}
