/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts: a recursion of 10,000 frames is recorded with its innermost frames and a mark where
 * it was cut; 1,024 different paths of 20 frames are told apart (a peer dies of them).
 *
 * deep recursion DEPTH | deep paths OPERATIONS
 */
#include "target.h"

static void *kept[1024];

SITE void *site_bottom(size_t n)
{
	return malloc(n);
}

SITE long recurse(unsigned depth)
{
	volatile long mine = depth;

	if (depth == 0)
		free(site_bottom(100));
	else
		mine += recurse(depth - 1);
	if (depth % 1000 == 0)
		site_bottom(10);
	return mine;
}

/* Ten binary choices, two frames each: the path is the number's bits. */
static void *path(unsigned bits, int level, size_t n);

SITE void *left(unsigned bits, int level, size_t n)
{
	void *volatile p = path(bits, level, n);

	return p;
}

SITE void *right(unsigned bits, int level, size_t n)
{
	void *volatile p = path(bits, level, n);

	return p;
}

__attribute__((noinline)) static void *path(unsigned bits, int level, size_t n)
{
	void *volatile p;

	if (level == 0)
		p = site_bottom(n);
	else if (bits & 1)
		p = left(bits >> 1, level - 1, n);
	else
		p = right(bits >> 1, level - 1, n);
	return p;
}

int main(int argc, char **argv)
{
	unsigned long count = argument(argc, argv, 2, 10000);
	uint64_t random = 17;

	if (argc > 1 && strcmp(argv[1], "recursion") == 0) {
		say("recursion: %ld\n", recurse((unsigned)count));
		return 0;
	}
	for (unsigned i = 0; i < 1024; i++)
		kept[i] = path(i, 10, 1 + i);
	for (unsigned long i = 0; i < count; i++) {
		void *p = path((unsigned)random_below(&random, 1024), 10,
		               1 + random_below(&random, 1400));

		free(p);
	}
	say("paths: %lu\n", count);
	return 0;
}
