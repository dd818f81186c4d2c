/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Books that a program keeps of its own requests, to the byte, by the function that made
 * them. Every allocation is made by a function of its own, named site_*, so that a profiler's
 * figures for that function can be compared with them. Nothing here allocates.
 *
 * An allocation is entered after it was made and a release before it is made; the books are
 * exact whenever no thread is between the two. A realloc that succeeds is a release of the
 * old block and an allocation of the new one, for the site that called realloc.
 */
#ifndef BOOKS_H
#define BOOKS_H

#include "target.h"

#ifdef __cplusplus
#include <atomic>
typedef std::atomic<uint64_t> book_count;
#else
#include <stdatomic.h>
typedef _Atomic uint64_t book_count;
#endif

struct book_site {
	const char *name;
	book_count alloc_bytes, alloc_objects, free_bytes, free_objects;
};

struct block {
	void *address;
	size_t bytes;
	struct book_site *site;
};

static inline void book_alloc(struct block *block, struct book_site *site, void *address,
                              size_t bytes)
{
	check(address != NULL);
	block->address = address;
	block->bytes = bytes;
	block->site = site;
	site->alloc_bytes += bytes;
	site->alloc_objects += 1;
}

static inline void book_release(struct block *block)
{
	block->site->free_bytes += block->bytes;
	block->site->free_objects += 1;
	block->address = NULL;
}

static inline void book_restore(struct block *block, void *address)
{
	block->address = address;
	block->site->free_bytes -= block->bytes;
	block->site->free_objects -= 1;
}

/* One JSON line of all sites, then REST ms in which nothing changes. */
static inline void books_show(struct book_site *sites, size_t count, unsigned number, unsigned rest)
{
	uint64_t sums[4] = {0, 0, 0, 0};

	say("{\"checkpoint\": %u, \"mono_ns\": %llu, \"sites\": {", number,
	    (unsigned long long)mono_ns());
	for (size_t i = 0; i < count; i++) {
		uint64_t alloc_bytes = sites[i].alloc_bytes, alloc_objects = sites[i].alloc_objects;
		uint64_t bytes = alloc_bytes - sites[i].free_bytes;
		uint64_t objects = alloc_objects - sites[i].free_objects;

		say("%s\"%s\": [%llu, %llu, %llu, %llu]", i ? ", " : "", sites[i].name,
		    (unsigned long long)bytes, (unsigned long long)objects,
		    (unsigned long long)alloc_bytes, (unsigned long long)alloc_objects);
		sums[0] += bytes;
		sums[1] += objects;
		sums[2] += alloc_bytes;
		sums[3] += alloc_objects;
	}
	say("}, \"inuse_space\": %llu, \"inuse_objects\": %llu, \"alloc_space\": %llu, "
	    "\"alloc_objects\": %llu}\n",
	    (unsigned long long)sums[0], (unsigned long long)sums[1], (unsigned long long)sums[2],
	    (unsigned long long)sums[3]);
	if (rest)
		sleep_ms(rest);
}

#endif
