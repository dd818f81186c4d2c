/* SPDX-License-Identifier: Apache-2.0 */
/* Fact: tcmalloc's own entry points, tc_malloc and its family, are counted like malloc. */
/* cs-link: -ltcmalloc */
#include <gperftools/tcmalloc.h>

#include "books.h"

enum { AT_tc, AT_mixed, SITE_COUNT };
static struct book_site sites[SITE_COUNT] = {{.name = "site_tc"}, {.name = "site_mixed"}};

SITE void site_tc(struct block *b, size_t n, int how)
{
	void *p = NULL;

	switch (how) {
	case 0:
		p = tc_malloc(n);
		break;
	case 1:
		p = tc_calloc(1, n);
		break;
	case 2:
		p = tc_realloc(NULL, n);
		break;
	case 3:
		p = tc_memalign(128, n);
		break;
	case 4:
		check(tc_posix_memalign(&p, 64, n) == 0);
		break;
	default:
		p = tc_malloc_skip_new_handler(n);
		break;
	}
	book_alloc(b, &sites[AT_tc], p, n);
}

SITE void site_mixed(struct block *b, size_t n)
{
	book_alloc(b, &sites[AT_mixed], malloc(n), n);
}

int main(void)
{
	enum { COUNT = 3000 };
	static struct block blocks[COUNT];
	uint64_t random = 32;

	for (int i = 0; i < COUNT; i++) {
		size_t n = 1 + random_below(&random, 5000);

		if (i % 7 == 6)
			site_mixed(&blocks[i], n);
		else
			site_tc(&blocks[i], n, i % 7);
		check(tc_malloc_size(blocks[i].address) >= n);
	}
	for (int i = 0; i < COUNT; i += 2) {
		void *p = blocks[i].address;

		book_release(&blocks[i]);
		if (i % 3 == 0)
			tc_free(p);
		else if (i % 3 == 1 && i % 7 == 0)
			tc_free_sized(p, blocks[i].bytes);
		else
			free(p);
	}
	books_show(sites, SITE_COUNT, 1, 0);
	return 0;
}
