/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fact: exact mode agrees to the byte with a program's own books, for every allocation
 * function of C, with threads that free and resize each other's blocks.
 *
 * books THREADS OPERATIONS CHECKPOINTS REST_MS SEED
 * Threads work in steps: fill, barrier, then each releases or resizes what its neighbour
 * made, barrier, checkpoint. The books do not depend on how the threads are scheduled.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <wchar.h>

#include "books.h"

/* A program that brings its own malloc may lack these; glibc's would hand out foreign blocks. */
#ifndef BOOKS_PVALLOC
#define BOOKS_PVALLOC 1
#endif

#define SITES(X)          \
	X(malloc)         \
	X(calloc)         \
	X(realloc_new)    \
	X(realloc_grow)   \
	X(realloc_shrink) \
	X(realloc_zero)   \
	X(reallocarray)   \
	X(posix_memalign) \
	X(aligned_alloc)  \
	X(memalign)       \
	X(valloc)         \
	X(pvalloc)        \
	X(strdup)         \
	X(strndup)        \
	X(wcsdup)         \
	X(malloc_zero)    \
	X(temporary)      \
	X(peak)

#define ENUMERATE(site) AT_##site,
enum { SITES(ENUMERATE) SITE_COUNT };
#define NAME(site) {.name = "site_" #site},
static struct book_site sites[SITE_COUNT] = {SITES(NAME)};

/* Also one that is negative as a signed number, which a counter of bytes must not take. */
static volatile size_t too_much = (size_t)-1 / 2, far_too_much = (size_t)3 << 62;

SITE void site_malloc(struct block *b, size_t n)
{
	book_alloc(b, &sites[AT_malloc], malloc(n), n);
}

SITE void site_calloc(struct block *b, size_t n)
{
	unsigned char *p = calloc(1 + n % 7, n / 7 + 1);
	size_t bytes = (1 + n % 7) * (n / 7 + 1);

	check(p != NULL && p[0] == 0 && p[bytes - 1] == 0);
	book_alloc(b, &sites[AT_calloc], p, bytes);
}

SITE void site_realloc_new(struct block *b, size_t n)
{
	book_alloc(b, &sites[AT_realloc_new], realloc(NULL, n), n);
}

static void resize(struct block *b, struct book_site *site, void *p, void *old, size_t n)
{
	if (p != NULL)
		book_alloc(b, site, p, n);
	else if (n > 0)
		book_restore(b, old);
}

SITE void site_realloc_grow(struct block *b)
{
	size_t n = b->bytes * 3 + 1;
	void *old = b->address;

	book_release(b);
	resize(b, &sites[AT_realloc_grow], realloc(old, n), old, n);
}

SITE void site_realloc_shrink(struct block *b)
{
	size_t n = b->bytes / 2 + 1;
	void *old = b->address;

	book_release(b);
	resize(b, &sites[AT_realloc_shrink], realloc(old, n), old, n);
}

/* glibc frees and returns NULL, others give a block of no bytes: both are booked right. */
SITE void site_realloc_zero(struct block *b)
{
	void *old = b->address;

	book_release(b);
	resize(b, &sites[AT_realloc_zero], realloc(old, 0), old, 0);
}

SITE void site_reallocarray(struct block *b)
{
	void *volatile old = b->address; /* still ours if it fails */

	book_release(b);
	resize(b, &sites[AT_reallocarray], reallocarray(old, 24, 1 + b->bytes / 20), old,
	       24 * (1 + b->bytes / 20));
}

/* A failed realloc loses nothing: the block is where and what it was. */
SITE void fail_realloc(struct block *b)
{
	check(realloc(b->address, too_much) == NULL);
	check(reallocarray(b->address, too_much, 16) == NULL);
	check(malloc(too_much) == NULL);
	check(malloc(far_too_much) == NULL);
	check(aligned_alloc(64, far_too_much) == NULL);
	check(realloc(b->address, far_too_much) == NULL);
	check(calloc(too_much, 3) == NULL);
}

SITE void site_posix_memalign(struct block *b, size_t n)
{
	void *p = NULL;

	check(posix_memalign(&p, 24, n) == EINVAL);
	check(posix_memalign(&p, 256, n) == 0 && ((uintptr_t)p & 255) == 0);
	book_alloc(b, &sites[AT_posix_memalign], p, n);
}

SITE void site_aligned_alloc(struct block *b, size_t n)
{
	n = (n + 63) & ~(size_t)63;
	book_alloc(b, &sites[AT_aligned_alloc], aligned_alloc(64, n), n);
}

SITE void site_memalign(struct block *b, size_t n)
{
	book_alloc(b, &sites[AT_memalign], memalign(1024, n), n);
}

SITE void site_valloc(struct block *b, size_t n)
{
	book_alloc(b, &sites[AT_valloc], valloc(n), n);
}

SITE void site_pvalloc(struct block *b, size_t n)
{
#if BOOKS_PVALLOC
	n = (n + 4095) & ~(size_t)4095;
	book_alloc(b, &sites[AT_pvalloc], pvalloc(n), n);
#else
	site_malloc(b, n);
#endif
}

static void fill_text(char *text, size_t n)
{
	memset(text, 'x', n);
	text[n] = '\0';
}

SITE void site_strdup(struct block *b, size_t n)
{
	char text[256];

	n = n % 255;
	fill_text(text, n);
	book_alloc(b, &sites[AT_strdup], strdup(text), n + 1);
}

SITE void site_strndup(struct block *b, size_t n)
{
	char text[256];

	n = n % 255;
	fill_text(text, 255);
	book_alloc(b, &sites[AT_strndup], strndup(text, n), n + 1);
}

SITE void site_wcsdup(struct block *b, size_t n)
{
	wchar_t text[64];

	n = n % 63;
	wmemset(text, L'y', n);
	text[n] = 0;
	book_alloc(b, &sites[AT_wcsdup], wcsdup(text), (n + 1) * sizeof(wchar_t));
}

SITE void site_malloc_zero(struct block *b)
{
	book_alloc(b, &sites[AT_malloc_zero], malloc(0), 0);
}

SITE void release(struct block *b)
{
	void *p = b->address;

	check(b->bytes == 0 || malloc_usable_size(p) >= b->bytes);
	if (b->bytes)
		memset(p, 0x5a, b->bytes);
	book_release(b);
	free(p);
}

/* Freed before the thread's next allocation. */
SITE void site_temporary(size_t n)
{
	struct block b;

	book_alloc(&b, &sites[AT_temporary], malloc(n), n);
	release(&b);
}

/* The highest point of the program, reached while nobody else works. */
SITE void site_peak(void)
{
	struct block b;
	void *p = malloc(64u << 20);

	book_alloc(&b, &sites[AT_peak], p, 64u << 20);
	memset(p, 1, 4096);
	book_release(&b);
	free(p);
}

static void make(struct block *b, uint64_t *random)
{
	size_t n = (size_t)1 << random_below(random, 13);

	n += random_below(random, n);
	switch (random_below(random, 14)) {
	case 0:
		site_calloc(b, n);
		break;
	case 1:
		site_realloc_new(b, n);
		break;
	case 2:
		site_posix_memalign(b, n);
		break;
	case 3:
		site_aligned_alloc(b, n);
		break;
	case 4:
		site_memalign(b, n);
		break;
	case 5:
		site_valloc(b, n);
		break;
	case 6:
		site_pvalloc(b, n);
		break;
	case 7:
		site_strdup(b, n);
		break;
	case 8:
		site_strndup(b, n);
		break;
	case 9:
		site_wcsdup(b, n);
		break;
	case 10:
		site_malloc_zero(b);
		break;
	default:
		site_malloc(b, n);
		break;
	}
}

static void change(struct block *b, uint64_t *random)
{
	switch (random_below(random, 10)) {
	case 0:
	case 1:
		site_realloc_grow(b);
		break;
	case 2:
		site_realloc_shrink(b);
		break;
	case 3:
		site_reallocarray(b);
		break;
	case 4:
		site_realloc_zero(b);
		break;
	case 5:
		fail_realloc(b);
		break;
	case 6:
		break;
	default:
		release(b);
		break;
	}
}

struct worker {
	pthread_t thread;
	struct block *blocks;
	uint64_t random;
};

static struct worker *workers;
static unsigned threads, operations, checkpoints, rest_ms;
static pthread_barrier_t barrier;

static void work(struct worker *self, const struct worker *neighbour)
{
	for (unsigned i = 0; i < operations; i++) {
		struct block *b = &self->blocks[i];

		site_temporary(1 + random_below(&self->random, 100));
		if (b->address == NULL)
			make(b, &self->random);
	}
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < operations; i++) {
		if (neighbour->blocks[i].address != NULL)
			change(&neighbour->blocks[i], &self->random);
	}
}

static void *worker_main(void *argument)
{
	struct worker *self = argument;
	const struct worker *neighbour = &workers[(self - workers + 1) % threads];

	for (unsigned i = 0; i < checkpoints; i++) {
		work(self, neighbour);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier); /* main has shown the books */
	}
	return NULL;
}

static void start(unsigned long seed)
{
	workers = calloc(threads, sizeof(*workers));
	check(workers != NULL);
	pthread_barrier_init(&barrier, NULL, threads + 1);
	for (unsigned i = 0; i < threads; i++) {
		workers[i].blocks = calloc(operations, sizeof(struct block));
		workers[i].random = seed + i * 7919u + 1;
	}
	for (unsigned i = 0; i < threads; i++)
		check(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) == 0);
}

int main(int argc, char **argv)
{
	threads = (unsigned)argument(argc, argv, 1, 4);
	operations = (unsigned)argument(argc, argv, 2, 2000);
	checkpoints = (unsigned)argument(argc, argv, 3, 3);
	rest_ms = (unsigned)argument(argc, argv, 4, 400);
	start(argument(argc, argv, 5, 1));

	for (unsigned i = 1; i <= checkpoints; i++) {
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		if (i == checkpoints / 2 + 1)
			site_peak();
		books_show(sites, SITE_COUNT, i, rest_ms);
		pthread_barrier_wait(&barrier);
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	return 0;
}
