/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: daemons close every descriptor they did not open, and then open their own: one that
 * the agent kept would be closed, or written to as if it were the agent's.
 */
#include <fcntl.h>
#include <pthread.h>

#include "target.h"

SITE void *site_closed(size_t n)
{
	return malloc(n);
}

static void *thread_main(void *unused)
{
	for (int i = 0; i < 1000; i++)
		site_closed(10);
	return unused;
}

int main(void)
{
	char path[] = "/tmp/closefds.XXXXXX", text[64];
	int fds[64];
	pthread_t threads[4];

	site_closed(500);
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	for (int i = 0; i < 64; i++) {
		fds[i] = i == 0 ? mkstemp(path) : open(path, O_RDWR);
		check(fds[i] == 3 + i);
	}
	unlink(path);
	for (int i = 0; i < 4; i++) /* new lanes are made now */
		check(pthread_create(&threads[i], NULL, thread_main, NULL) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	if (fork() == 0) {
		thread_main(NULL);
		_exit(0);
	}
	check(pwrite(fds[9], "my own file", 11, 0) == 11);
	check(pread(fds[63], text, sizeof(text), 0) == 11 && memcmp(text, "my own file", 11) == 0);
	say("its file holds 11 bytes, descriptors 3 to %d are its own\n", fds[63]);
	return 0;
}
