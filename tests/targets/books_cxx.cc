/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fact: exact mode agrees to the byte with a program's own books for every form of new and
 * delete: plain, array, nothrow, aligned, sized, in all combinations; and for containers,
 * whose requests a std::allocator of the program's own counts.
 *
 * books_cxx THREADS OPERATIONS CHECKPOINTS REST_MS SEED
 */
/* cs-cflags: -std=c++17 -fsized-deallocation */
#include <map>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "books.h"

/* A mimalloc built as C ends the program instead of throwing. */
#ifndef BOOKS_FAILING_NEW
#define BOOKS_FAILING_NEW 1
#endif

#define SITES(X)                     \
	X(new)                       \
	X(new_array)                 \
	X(new_nothrow)               \
	X(new_array_nothrow)         \
	X(new_aligned)               \
	X(new_array_aligned)         \
	X(new_aligned_nothrow)       \
	X(new_array_aligned_nothrow) \
	X(new_zero)                  \
	X(container)

#define ENUMERATE(site) AT_##site,
enum { SITES(ENUMERATE) SITE_COUNT };
static struct book_site sites[SITE_COUNT];

static constexpr std::align_val_t ALIGNED{128};

SITE void site_new(block *b, size_t n)
{
	book_alloc(b, &sites[AT_new], ::operator new(n), n);
}

SITE void site_new_array(block *b, size_t n)
{
	book_alloc(b, &sites[AT_new_array], ::operator new[](n), n);
}

SITE void site_new_nothrow(block *b, size_t n)
{
	book_alloc(b, &sites[AT_new_nothrow], ::operator new(n, std::nothrow), n);
}

SITE void site_new_array_nothrow(block *b, size_t n)
{
	book_alloc(b, &sites[AT_new_array_nothrow], ::operator new[](n, std::nothrow), n);
}

SITE void site_new_aligned(block *b, size_t n)
{
	book_alloc(b, &sites[AT_new_aligned], ::operator new(n, ALIGNED), n);
}

SITE void site_new_array_aligned(block *b, size_t n)
{
	book_alloc(b, &sites[AT_new_array_aligned], ::operator new[](n, ALIGNED), n);
}

SITE void site_new_aligned_nothrow(block *b, size_t n)
{
	book_alloc(b, &sites[AT_new_aligned_nothrow], ::operator new(n, ALIGNED, std::nothrow), n);
}

SITE void site_new_array_aligned_nothrow(block *b, size_t n)
{
	book_alloc(b, &sites[AT_new_array_aligned_nothrow],
	           ::operator new[](n, ALIGNED, std::nothrow), n);
}

SITE void site_new_zero(block *b)
{
	book_alloc(b, &sites[AT_new_zero], ::operator new(0), 0);
}

/* A failed new, with and without an exception, leaves no trace in the books. */
SITE void fail_new()
{
	volatile size_t too_much = (size_t)-1 / 2;
	bool thrown = false;

	try {
		::operator delete(::operator new(too_much));
	} catch (const std::bad_alloc &) {
		thrown = true;
	}
	check(thrown);
	check(::operator new[](too_much, std::nothrow) == nullptr);
}

/* Releases it by one of the deletes that may release what its new made. */
SITE void release(block *b, uint64_t variant)
{
	void *p = b->address;
	size_t n = b->bytes;
	bool array = b->site == &sites[AT_new_array] || b->site == &sites[AT_new_array_nothrow] ||
	             b->site == &sites[AT_new_array_aligned] ||
	             b->site == &sites[AT_new_array_aligned_nothrow];
	bool aligned = b->site >= &sites[AT_new_aligned] &&
	               b->site <= &sites[AT_new_array_aligned_nothrow];

	memset(p, 0x77, n);
	book_release(b);
	switch (variant % 3 + (array ? 3 : 0) + (aligned ? 6 : 0)) {
	case 0:
		::operator delete(p);
		break;
	case 1:
		::operator delete(p, n);
		break;
	case 2:
		::operator delete(p, std::nothrow);
		break;
	case 3:
		::operator delete[](p);
		break;
	case 4:
		::operator delete[](p, n);
		break;
	case 5:
		::operator delete[](p, std::nothrow);
		break;
	case 6:
		::operator delete(p, ALIGNED);
		break;
	case 7:
		::operator delete(p, n, ALIGNED);
		break;
	case 8:
		::operator delete(p, ALIGNED, std::nothrow);
		break;
	case 9:
		::operator delete[](p, ALIGNED);
		break;
	case 10:
		::operator delete[](p, n, ALIGNED);
		break;
	case 11:
		::operator delete[](p, ALIGNED, std::nothrow);
		break;
	}
}

static void make(block *b, uint64_t *random)
{
	static void (*const forms[])(block *, size_t) = {site_new,
	                                                 site_new_array,
	                                                 site_new_nothrow,
	                                                 site_new_array_nothrow,
	                                                 site_new_aligned,
	                                                 site_new_array_aligned,
	                                                 site_new_aligned_nothrow,
	                                                 site_new_array_aligned_nothrow};
	uint64_t form = random_below(random, 9);
	size_t n = 1 + random_below(random, 3000);

	if (form < 8)
		forms[form](b, n);
	else
		site_new_zero(b);
}

/* What containers ask for, counted where std::allocator would call operator new. */
template <class T> struct counted {
	using value_type = T;

	counted() = default;
	template <class U> counted(const counted<U> &)
	{
	}

	__attribute__((noinline)) T *allocate(size_t n)
	{
		block b;

		book_alloc(&b, &sites[AT_container], ::operator new(n * sizeof(T)), n * sizeof(T));
		return static_cast<T *>(b.address);
	}

	__attribute__((noinline)) void deallocate(T *p, size_t n)
	{
		block b = {p, n * sizeof(T), &sites[AT_container]};

		book_release(&b);
		::operator delete(p);
	}

	bool operator==(const counted &) const
	{
		return true;
	}

	bool operator!=(const counted &) const
	{
		return false;
	}
};

using text = std::basic_string<char, std::char_traits<char>, counted<char>>;
using table = std::map<int, text, std::less<int>, counted<std::pair<const int, text>>>;

SITE void site_container(table *map, uint64_t *random, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int key = (int)random_below(random, 500);

		if (random_below(random, 3) == 0)
			map->erase(key);
		else
			(*map)[key] = text(random_below(random, 200), 'z');
	}
}

struct worker {
	std::vector<block> blocks;
	table map;
	uint64_t random = 0;
};

static std::vector<worker> workers;

/* One step of thread INDEX: fill its own blocks, or release those of its neighbour. */
static void fill(size_t index, unsigned operations)
{
	worker &self = workers[index];

	for (block &b : self.blocks) {
		if (b.address == nullptr)
			make(&b, &self.random);
	}
	site_container(&self.map, &self.random, operations / 2);
	if (BOOKS_FAILING_NEW)
		fail_new();
}

static void thin_out(size_t index)
{
	uint64_t &random = workers[index].random;

	for (block &b : workers[(index + 1) % workers.size()].blocks) {
		if (random_below(&random, 3) != 0)
			release(&b, random_next(&random) >> 20);
	}
}

template <class F> static void in_all(F step)
{
	std::vector<std::thread> threads;

	for (size_t i = 0; i < workers.size(); i++)
		threads.emplace_back(step, i);
	for (std::thread &thread : threads)
		thread.join();
}

int main(int argc, char **argv)
{
	unsigned operations = (unsigned)argument(argc, argv, 2, 1000);
	unsigned checkpoints = (unsigned)argument(argc, argv, 3, 3);
	unsigned rest_ms = (unsigned)argument(argc, argv, 4, 400);
	unsigned i = 0;

#define NAME(site) sites[i++].name = "site_" #site;
	SITES(NAME)
	workers.resize(argument(argc, argv, 1, 4));
	for (worker &w : workers) {
		w.blocks.resize(operations);
		w.random = argument(argc, argv, 5, 1) + (uint64_t)(&w - &workers[0]) * 104729 + 1;
	}
	for (i = 1; i <= checkpoints; i++) {
		in_all([=](size_t index) { fill(index, operations); });
		in_all(thin_out);
		books_show(sites, SITE_COUNT, i, rest_ms);
	}
	fflush(stdout);
	_exit(0); /* keeps what is live live: no destructor runs */
}
