/* SPDX-License-Identifier: Apache-2.0 */
/* Fact: jemalloc's own entry points, mallocx and its family, are counted like malloc. */
/* cs-link: -ljemalloc */
#include <jemalloc/jemalloc.h>

#include "books.h"

enum { AT_mallocx, AT_rallocx, AT_xallocx, AT_mixed, SITE_COUNT };
static struct book_site sites[SITE_COUNT] = {{.name = "site_mallocx"},
                                             {.name = "site_rallocx"},
                                             {.name = "site_xallocx"},
                                             {.name = "site_mixed"}};

SITE void site_mallocx(struct block *b, size_t n, int flags)
{
	unsigned char *p = mallocx(n, flags);

	check(!(flags & MALLOCX_ZERO) || (p[0] == 0 && p[n - 1] == 0));
	book_alloc(b, &sites[AT_mallocx], p, n);
}

SITE void site_rallocx(struct block *b, size_t n)
{
	void *old = b->address;

	book_release(b);
	book_alloc(b, &sites[AT_rallocx], rallocx(old, n, 0), n);
}

/* In place: to what the block can hold anyway always succeeds, to a megabyte it does not. */
SITE void site_xallocx(struct block *b)
{
	size_t n = sallocx(b->address, 0);
	void *p = b->address;

	check(xallocx(p, (size_t)1 << 20, 0, 0) < (size_t)1 << 20);
	check(xallocx(p, n, 0, 0) == n);
	book_release(b);
	book_alloc(b, &sites[AT_xallocx], p, n);
}

SITE void site_mixed(struct block *b, size_t n)
{
	book_alloc(b, &sites[AT_mixed], malloc(n), n);
}

static void release(struct block *b, uint64_t how)
{
	void *p = b->address;

	book_release(b);
	if (how % 3 == 0)
		dallocx(p, 0);
	else if (how % 3 == 1)
		sdallocx(p, b->bytes, 0);
	else
		free(p);
}

int main(void)
{
	enum { COUNT = 3000 };
	static struct block blocks[COUNT];
	uint64_t random = 31;

	for (int i = 0; i < COUNT; i++) {
		size_t n = 1 + random_below(&random, 5000);

		switch (i % 4) {
		case 0:
			site_mallocx(&blocks[i], n, 0);
			break;
		case 1:
			site_mallocx(&blocks[i], n, MALLOCX_ZERO);
			break;
		case 2:
			site_mallocx(&blocks[i], n, MALLOCX_ALIGN(256));
			break;
		default:
			site_mixed(&blocks[i], n);
			break;
		}
		check(sallocx(blocks[i].address, 0) >= n);
		check(nallocx(n, 0) >= n);
	}
	for (int i = 0; i < COUNT; i += 3)
		site_rallocx(&blocks[i], 1 + random_below(&random, 9000));
	for (int i = 0; i < COUNT; i += 2) {
		uint64_t how = random_next(&random) >> 30;

		/* An aligned block must be given back with its alignment; free needs none. */
		release(&blocks[i], i % 4 == 2 ? 2 : how);
	}
	for (int i = 1; i < COUNT; i += 10)
		site_xallocx(&blocks[i]);
	books_show(sites, SITE_COUNT, 1, 0);
	return 0;
}
