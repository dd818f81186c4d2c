/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without frame pointers whatever the build says, if the compiler can be told so: that is
 * what the unwinder is for.
 */
#if !defined(__clang__)
#pragma GCC optimize("O2", "omit-frame-pointer", "no-optimize-sibling-calls")
#define NO_CLONE noclone,
#define FRAMED optimize("no-omit-frame-pointer")
#else
#define NO_CLONE
#define FRAMED
#endif
#include "frames.h"

#include <alloca.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct rest {
	uint64_t path;
	unsigned count;
	void (*leaf)(void *);
	void *arg;
};

#define SHAPE __attribute__((noinline, NO_CLONE no_sanitize("address", "undefined")))

static void next(struct rest rest);
static volatile uint64_t sink;

static void keep(const void *bytes)
{
	__asm__ volatile("" : : "r"(bytes) : "memory");
}

SHAPE static void plain(struct rest rest)
{
	next(rest);
	sink++;
}

SHAPE static void big(struct rest rest)
{
	char room[3000];

	room[7] = 1;
	keep(&room[7]);
	next(rest);
	keep(&room[7]);
}

SHAPE static void huge(struct rest rest)
{
	char room[40000];

	room[7] = 1;
	keep(&room[7]);
	next(rest);
	keep(&room[7]);
}

SHAPE static void with_alloca(struct rest rest)
{
	char *room = alloca(64 + rest.count * 40);

	room[0] = 3;
	keep(room);
	next(rest);
	keep(room);
}

SHAPE static void realigned(struct rest rest)
{
	_Alignas(64) volatile char room[128];

	room[0] = 1;
	next(rest);
	sink += (uint64_t)room[0];
}

SHAPE static void realigned_alloca(struct rest rest)
{
	_Alignas(32) volatile char room[96];
	char *more = alloca(32 + rest.count * 24);

	more[0] = 2;
	room[0] = 1;
	keep(more);
	next(rest);
	keep(more);
	sink += (uint64_t)room[0];
}

SHAPE static void forced(struct rest rest);
__attribute__((force_align_arg_pointer)) static void forced(struct rest rest)
{
	next(rest);
	sink++;
}

/* Holds values in all callee-saved registers, rbp among them. */
SHAPE static void busy(struct rest rest)
{
	uint64_t a = sink, b = a * 3, c = a + b, d = b * c, e = c ^ 77, f = d + e;

	next(rest);
	sink = a + b + c + d + e + f;
	next((struct rest){.leaf = NULL});
	sink += a ^ b ^ c ^ d ^ e ^ f;
}

__attribute__((FRAMED)) SHAPE static void framed(struct rest rest)
{
	next(rest);
	sink++;
}

static struct rest *sorting;

static int compare(const void *a, const void *b)
{
	struct rest *rest = sorting;

	(void)a;
	(void)b;
	if (rest) {
		sorting = NULL;
		next(*rest);
	}
	return 0;
}

SHAPE static void by_qsort(struct rest rest)
{
	int numbers[] = {1, 2};

	sorting = &rest;
	qsort(numbers, 2, sizeof(int), compare);
	sink++;
}

SHAPE static void by_bsearch(struct rest rest)
{
	int numbers[] = {1, 2, 3};

	sorting = &rest;
	sink += bsearch(numbers, numbers, 3, sizeof(int), compare) != NULL;
}

SHAPE static void by_lfind(struct rest rest)
{
	int numbers[] = {1, 2, 3};
	size_t count = 3;

	sorting = &rest;
	sink += lfind(numbers, numbers, &count, sizeof(int), compare) != NULL;
}

static void (*const shapes[])(struct rest) = {
	plain,      big,    with_alloca,      busy,     realigned, framed, by_qsort,
	by_bsearch, forced, realigned_alloca, by_lfind, huge,
};

SHAPE static void next(struct rest rest)
{
	unsigned shape = (unsigned)(rest.path & 15) % FRAMES_SHAPES;

	if (!rest.leaf)
		return;
	if (rest.count == 0) {
		rest.leaf(rest.arg);
	} else {
		rest.path = rest.path >> 4 | rest.path << 60;
		rest.count--;
		shapes[shape](rest);
	}
	sink++;
}

void frames_call(uint64_t path, unsigned count, void (*leaf)(void *), void *arg)
{
	next((struct rest){path, count, leaf, arg});
	sink++;
}
