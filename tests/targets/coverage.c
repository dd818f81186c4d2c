/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fact: sampled estimates cover the truth. A short program of a known mix: many small blocks,
 * some large ones, part of them freed; prints the truth by site.
 */
#include "books.h"

enum { AT_small, AT_medium, AT_large, SITE_COUNT };
static struct book_site sites[SITE_COUNT] = {
	{.name = "site_small"}, {.name = "site_medium"}, {.name = "site_large"}};
static struct block blocks[40000];

SITE void site_small(struct block *b, size_t n)
{
	book_alloc(b, &sites[AT_small], malloc(n), n);
}

SITE void site_medium(struct block *b, size_t n)
{
	book_alloc(b, &sites[AT_medium], malloc(n), n);
}

SITE void site_large(struct block *b, size_t n)
{
	book_alloc(b, &sites[AT_large], malloc(n), n);
}

int main(void)
{
	uint64_t random = 2024;

	for (int i = 0; i < 40000; i++) {
		if (i % 200 == 0)
			site_large(&blocks[i], 20000 + random_below(&random, 60000));
		else if (i % 20 == 1)
			site_medium(&blocks[i], 500 + random_below(&random, 3000));
		else
			site_small(&blocks[i], 1 + random_below(&random, 100));
	}
	for (int i = 0; i < 40000; i++) {
		if (random_below(&random, 3) != 0) {
			void *p = blocks[i].address;

			book_release(&blocks[i]);
			free(p);
		}
	}
	books_show(sites, SITE_COUNT, 1, 0);
	return 0;
}
