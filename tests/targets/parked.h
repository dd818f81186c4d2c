/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines that note where they are before they park: what coro_parked_* share. A stack is
 * the addresses that calls return to, innermost first, in the program's own terms, less one as
 * profilers look them up. When all are parked they are printed, with how many are there, and
 * the program waits for the end of its input:
 *
 *   stack COUNT ADDRESS ADDRESS …
 *   ready
 */
#ifndef TARGET_PARKED_H
#define TARGET_PARKED_H

#include "target.h"

#define PARKED_DEPTH 10
#define PARKED_SHAPES 24

struct parked {
	unsigned number;
	unsigned depth;
	uint64_t seen[PARKED_DEPTH + 2];
	void *block;
};

extern const char __ehdr_start[];

/* To be had from the program: parks the coroutine that runs. */
static inline void parked_park(struct parked *self);

static inline void parked_note(struct parked *self, void *returns_to)
{
	check(self->depth < PARKED_DEPTH + 2);
	self->seen[self->depth++] = (uint64_t)returns_to - (uint64_t)__ehdr_start - 1;
}

SITE static void parked_here(struct parked *self)
{
	parked_note(self, __builtin_return_address(0));
	self->block = malloc(100 + self->number % 50);
	parked_park(self);
	__asm__ volatile("" ::: "memory");
}

SITE static int parked_plain(struct parked *self, unsigned left);

/* Frames of several shapes: of a size known at run time, large, small. */
SITE static int parked_alloca(struct parked *self, unsigned left)
{
	volatile char *room = (volatile char *)__builtin_alloca(32 + left * 16);

	parked_note(self, __builtin_return_address(0));
	room[left] = (char)left;
	if (left > 0)
		parked_plain(self, left - 1);
	else
		parked_here(self);
	return room[left];
}

SITE static int parked_large(struct parked *self, unsigned left)
{
	volatile char room[700];

	parked_note(self, __builtin_return_address(0));
	room[left] = (char)left;
	if (left > 0)
		parked_alloca(self, left - 1);
	else
		parked_here(self);
	return room[left];
}

SITE static int parked_plain(struct parked *self, unsigned left)
{
	int sum = 0;

	parked_note(self, __builtin_return_address(0));
	if (left == 0)
		parked_here(self);
	else if (left % 2)
		sum = parked_large(self, left - 1);
	else
		sum = parked_alloca(self, left - 1);
	__asm__ volatile("" ::: "memory");
	return sum + 1;
}

/* What coroutine SELF does, until somebody wants it to go on. */
static inline void parked_run(struct parked *self)
{
	unsigned shape = self->number % PARKED_SHAPES;

	self->depth = 0;
	if (shape % 3 == 0)
		parked_plain(self, shape / 3);
	else if (shape % 3 == 1)
		parked_alloca(self, shape / 3);
	else
		parked_large(self, shape / 3);
}

/* ALL of them are parked, COUNT of STRIDE bytes each: says where, and waits. */
static inline void parked_tell(const void *all, unsigned long count, size_t stride)
{
	char byte;

	for (unsigned long shape = 0; shape < PARKED_SHAPES && shape < count; shape++) {
		const struct parked *one =
			(const struct parked *)((const char *)all + shape * stride);
		char line[512];
		int at = snprintf(line, sizeof(line), "stack %lu",
		                  (count - shape + PARKED_SHAPES - 1) / PARKED_SHAPES);

		for (unsigned i = one->depth; i-- > 0;)
			at += snprintf(line + at, sizeof(line) - (size_t)at, " 0x%llx",
			               (unsigned long long)one->seen[i]);
		say("%s\n", line);
	}
	say("ready\n");
	while (read(0, &byte, 1) > 0)
		continue;
}

#endif
