/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fact: what coroscope calls in use agrees with glibc's own statistics within its rounding:
 * a chunk is the request plus 8 bytes, a multiple of 16, at least 32.
 */
#include <malloc.h>

#include "books.h"

#define COUNT 20000

static struct book_site site = {.name = "site_mallinfo"};
static struct block blocks[COUNT];

SITE void site_mallinfo(struct block *b, size_t n)
{
	book_alloc(b, &site, malloc(n), n);
}

static size_t in_use(void)
{
#if __GLIBC__ > 2 || __GLIBC_MINOR__ >= 33
	struct mallinfo2 info = mallinfo2();
#else
	struct mallinfo info = mallinfo();
#endif
	return (size_t)info.uordblks + (size_t)info.hblkhd;
}

int main(void)
{
	uint64_t random = 4711;
	size_t chunks = 0, before;

	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	before = in_use();
	for (int i = 0; i < COUNT; i++)
		site_mallinfo(&blocks[i], random_below(&random, i % 100 ? 500 : 40000));
	/* Freed blocks above the thread cache's sizes: glibc calls cached ones in use. */
	for (int i = 0; i < COUNT; i += 100) {
		if (blocks[i].bytes > 2000) {
			void *p = blocks[i].address;

			book_release(&blocks[i]);
			free(p);
		}
	}
	for (int i = 0; i < COUNT; i++) {
		if (blocks[i].address != NULL)
			chunks += malloc_usable_size(blocks[i].address) + 8;
	}
	say("{\"requested\": %llu, \"objects\": %llu, \"chunks\": %zu, \"mallinfo\": %zu}\n",
	    (unsigned long long)(site.alloc_bytes - site.free_bytes),
	    (unsigned long long)(site.alloc_objects - site.free_objects), chunks,
	    in_use() - before);
	return 0;
}
