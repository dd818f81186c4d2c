/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: mmap, munmap and mremap in all the ways that books can get wrong: unmapping the
 * middle, across two mappings, moving, growing in place, MAP_FIXED on top; brk and sbrk.
 * Prints what is mapped at the end, which no heap total may hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "target.h"

#define PAGE 4096ul

SITE char *site_map(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(p != MAP_FAILED);
	return p;
}

SITE char *site_remap(char *p, size_t from, size_t to, int flags)
{
	p = mremap(p, from, to, flags);
	check(p != MAP_FAILED);
	return p;
}

static void move_break(void)
{
	char *old_break = sbrk(0);

	check(sbrk(64 * (intptr_t)PAGE) == old_break);
	old_break[0] = old_break[63 * PAGE] = 1;
	check(brk(old_break + 32 * PAGE) == 0);
	check((char *)sbrk(0) == old_break + 32 * PAGE);
}

int main(void)
{
	size_t mapped = 0;
	char *p, *q, *moved;

	p = site_map(100 * PAGE); /* a hole in the middle: two pieces stay */
	check(munmap(p + 40 * PAGE, 20 * PAGE) == 0);
	p[0] = p[99 * PAGE] = 1;
	mapped += 80 * PAGE;

	p = site_map(60 * PAGE); /* one munmap over parts of two mappings, and over the hole */
	q = mmap(p + 20 * PAGE, 10 * PAGE, PROT_READ | PROT_WRITE,
	         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	check(q == p + 20 * PAGE);
	check(munmap(p + 15 * PAGE, 20 * PAGE) == 0);
	check(munmap(p + 10 * PAGE, 20 * PAGE) == 0);
	mapped += 35 * PAGE;

	p = site_map(10 * PAGE); /* grows, moving if it must; then shrinks */
	p[9 * PAGE] = 77;
	moved = site_remap(p, 10 * PAGE, 200 * PAGE, MREMAP_MAYMOVE);
	check(moved[9 * PAGE] == 77);
	moved = site_remap(moved, 200 * PAGE, 50 * PAGE, 0);
	mapped += 50 * PAGE;

	p = site_map(30 * PAGE); /* moved to a fixed place, on top of something */
	q = site_map(30 * PAGE);
	p[0] = 5;
	moved = mremap(p, 30 * PAGE, 30 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q);
	check(moved == q && q[0] == 5);
	mapped += 30 * PAGE;

	/* Failing calls change nothing. */
	errno = 0;
	check(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	check(errno == EINVAL);
	check(mremap(q, 30 * PAGE, (size_t)1 << 60, 0) == MAP_FAILED);
	check(munmap(q + 1, PAGE) == -1 && errno == EINVAL);

	/* A file's mapping is not anonymous memory; shared anonymous memory is. */
	int fd = open("/proc/self/exe", O_RDONLY);
	p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	check(p != MAP_FAILED && p[1] == 'E');
	close(fd);
	p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(p != MAP_FAILED);
	mapped += 16 * PAGE;

	for (int i = 0; i < 2000; i++) { /* allocators of programs do this a lot */
		p = site_map(8 * PAGE);
		p[0] = 1;
		check(munmap(p, 8 * PAGE) == 0);
	}

	move_break();
	say("{\"mapped\": %zu, \"brk\": %zu}\n", mapped, (size_t)(32 * PAGE));
	return 0;
}
