/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fact: however a program ends, its status is passed on and what it did is in the trace:
 * endings return|exit|_exit|quick|abort|segv|kill|term|stack|thread
 */
#include <pthread.h>
#include <signal.h>

#include "target.h"

static void *kept[1000];

SITE void *site_kept(size_t n)
{
	return malloc(n);
}

static int overflow(int depth)
{
	volatile char room[4096];

	room[0] = (char)depth;
	return depth < 1 << 30 ? overflow(depth + 1) + room[0] : 0;
}

static void *end_thread(void *unused)
{
	exit(17);
	return unused;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "return";
	pthread_t thread;

	for (int i = 0; i < 1000; i++)
		kept[i] = site_kept(1000);
	say("1000 blocks of 1000 bytes, then %s\n", how);
	if (strcmp(how, "exit") == 0)
		exit(11);
	else if (strcmp(how, "_exit") == 0)
		_exit(12);
	else if (strcmp(how, "quick") == 0)
		quick_exit(13);
	else if (strcmp(how, "abort") == 0)
		abort();
	else if (strcmp(how, "segv") == 0)
		*(volatile int *)8 = 1;
	else if (strcmp(how, "kill") == 0)
		raise(SIGKILL);
	else if (strcmp(how, "term") == 0)
		raise(SIGTERM);
	else if (strcmp(how, "stack") == 0)
		return overflow(0);
	else if (strcmp(how, "thread") == 0) {
		pthread_create(&thread, NULL, end_thread, NULL);
		pthread_exit(NULL);
	}
	return 10;
}
