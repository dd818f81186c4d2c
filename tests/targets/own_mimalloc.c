/* SPDX-License-Identifier: Apache-2.0 */
/* Fact: mimalloc's own entry points, mi_malloc and its family, are counted like malloc. */
/* cs-link: -lmimalloc */
#include "books.h"

/* Declared here: Debian's header lies in a folder named after the version. */
void *mi_malloc(size_t);
void *mi_zalloc(size_t);
void *mi_calloc(size_t, size_t);
void *mi_realloc(void *, size_t);
void *mi_malloc_aligned(size_t, size_t);
void *mi_malloc_small(size_t);
void *mi_mallocn(size_t, size_t);
char *mi_strdup(const char *);
char *mi_strndup(const char *, size_t);
void mi_free(void *);
void mi_free_size(void *, size_t);
size_t mi_usable_size(const void *);

enum { AT_mi, AT_mi_realloc, AT_mixed, SITE_COUNT };
static struct book_site sites[SITE_COUNT] = {
	{.name = "site_mi"}, {.name = "site_mi_realloc"}, {.name = "site_mixed"}};

/* Any end of it is a text. */
static char text[5001];

SITE void site_mi(struct block *b, size_t n, int how)
{
	void *p;

	switch (how) {
	case 0:
		p = mi_malloc(n);
		break;
	case 1:
		p = mi_zalloc(n);
		break;
	case 2:
		p = mi_calloc(1, n);
		break;
	case 3:
		p = mi_malloc_aligned(n, 256);
		break;
	case 4:
		p = mi_malloc_small(n = 1 + n % 1000);
		break;
	case 5:
		p = mi_mallocn(1, n);
		break;
	case 6:
		p = mi_strdup(text + sizeof(text) - n);
		break;
	default:
		p = mi_strndup(text, n - 1);
		break;
	}
	book_alloc(b, &sites[AT_mi], p, n);
}

SITE void site_mi_realloc(struct block *b, size_t n)
{
	void *old = b->address;

	book_release(b);
	book_alloc(b, &sites[AT_mi_realloc], mi_realloc(old, n), n);
}

SITE void site_mixed(struct block *b, size_t n)
{
	book_alloc(b, &sites[AT_mixed], malloc(n), n);
}

int main(void)
{
	enum { COUNT = 3000 };
	static struct block blocks[COUNT];
	uint64_t random = 33;

	memset(text, 'x', sizeof(text) - 1);
	for (int i = 0; i < COUNT; i++) {
		size_t n = 1 + random_below(&random, 5000);

		if (i % 9 == 8)
			site_mixed(&blocks[i], n);
		else
			site_mi(&blocks[i], n, i % 9);
		check(mi_usable_size(blocks[i].address) >= blocks[i].bytes);
	}
	for (int i = 0; i < COUNT; i += 5)
		site_mi_realloc(&blocks[i], 1 + random_below(&random, 9000));
	for (int i = 0; i < COUNT; i += 2) {
		void *p = blocks[i].address;

		book_release(&blocks[i]);
		if (i % 3 == 0)
			mi_free(p);
		else if (i % 3 == 1)
			mi_free_size(p, blocks[i].bytes);
		else
			free(p);
	}
	books_show(sites, SITE_COUNT, 1, 0);
	return 0;
}
