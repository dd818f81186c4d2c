/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that turns on its reader: it finds its own ring and rewrites it, or cuts it, while
 * it is read. It leaves by _exit, since the agent's own writes may fault afterwards.
 *
 * hostile_ring rewrite|cut|grow|link
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "target.h"

static char path[600];

SITE void *site_before(size_t n)
{
	return malloc(n);
}

/* The only ring in the session's folder. */
static int open_ring(void)
{
	const char *folder = getenv("COROSCOPE_SESSION");
	DIR *stream = folder ? opendir(folder) : NULL;
	struct dirent *entry;

	check(stream != NULL);
	while ((entry = readdir(stream)))
		if (strncmp(entry->d_name, "ring.", 5) == 0)
			snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
	closedir(stream);
	return open(path, O_RDWR);
}

/* Until the reader has taken in what was recorded so far: the first lane's tail is at its head. */
static void wait_until_read(int fd)
{
	enum { LANE = 8192, TAIL = LANE + 64 };
	uint64_t head = 0, tail = 0, latest = mono_ns() + 30000000000u;

	check(pread(fd, &head, sizeof(head), LANE) == sizeof(head));
	while (tail < head && mono_ns() < latest) {
		sleep_ms(10);
		check(pread(fd, &tail, sizeof(tail), TAIL) == sizeof(tail));
	}
	check(tail >= head);
}

static void rewrite(int fd, off_t size)
{
	uint64_t dice = 7;
	uint64_t end = mono_ns() + 500000000u;
	unsigned char *ring = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	check(ring != MAP_FAILED);
	while (mono_ns() < end) {
		/* Headers of ring and lane, then records: each now and then, as a bug would. */
		static const size_t reach[] = {8192, 8192 + 128, 8192 + 8192, 65536};

		for (int i = 0; i < 200; i++) {
			size_t limit = reach[random_below(&dice, 4)];
			size_t at =
				random_below(&dice, limit < (size_t)size ? limit : (size_t)size);

			ring[at] = (unsigned char)random_next(&dice);
		}
		usleep(200);
	}
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "rewrite";
	struct stat status;

	for (int i = 0; i < 5000; i++)
		site_before(64);
	int fd = open_ring();

	check(fd >= 0 && fstat(fd, &status) == 0);
	wait_until_read(fd);
	put(1, "before\n", 7);
	if (strcmp(how, "rewrite") == 0)
		rewrite(fd, status.st_size);
	else if (strcmp(how, "cut") == 0)
		check(ftruncate(fd, 4096) == 0);
	else if (strcmp(how, "grow") == 0)
		check(ftruncate(fd, (off_t)1 << 40) == 0);
	else if (strcmp(how, "link") == 0)
		check(unlink(path) == 0 && symlink("/etc/passwd", path) == 0);
	sleep_ms(1000); /* it is to be met by who reads, and not only at the end */
	put(1, "after\n", 6);
	_exit(5);
}
