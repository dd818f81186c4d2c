/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One window of pagemap moves over the stacks in the order of their addresses; what can't be
 * read counts as not in memory.
 */
#include "source/stackmem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PAGE UINT64_C(4096)
#define PAGES_AT_ONCE 65536u

/* Of a stack larger than this only the upper end is looked at. */
#define STACK_MAX (UINT64_C(64) << 20)

/* In memory, or swapped out. */
#define TOUCHED (UINT64_C(3) << 62)
/* Swapped out, or in memory and nobody else's: the kernel's page of zeroes is everybody's. */
#define WRITTEN (UINT64_C(1) << 62 | UINT64_C(1) << 56)

struct window {
	int fd;
	uint64_t first, count; /* pages */
	uint64_t *pages;
};

static int by_address(const void *left, const void *right)
{
	const struct cs_stackmem *a = left;
	const struct cs_stackmem *b = right;

	return a->low < b->low ? -1 : a->low > b->low;
}

/* Reads on from page FIRST, at least up to END if that fits. */
static bool move(struct window *window, uint64_t first, uint64_t end)
{
	uint64_t wanted = end - first;
	ssize_t got;

	if (wanted < 512)
		wanted = 512; /* what comes next is close by, as a rule */
	if (wanted > PAGES_AT_ONCE)
		wanted = PAGES_AT_ONCE;
	got = pread(window->fd, window->pages, wanted * 8, (off_t)(first * 8));
	window->first = first;
	window->count = got > 0 ? (uint64_t)got / 8 : 0;
	return window->count > 0;
}

static bool has(struct window *window, uint64_t page, uint64_t end, uint64_t bits)
{
	if (page - window->first >= window->count && !move(window, page, end))
		return false;
	return (window->pages[page - window->first] & bits) != 0;
}

static void measure(struct window *window, struct cs_stackmem *stack)
{
	uint64_t low = stack->low;
	uint64_t end = (stack->high + PAGE - 1) / PAGE;
	uint64_t bits = stack->probed ? WRITTEN : TOUCHED;

	stack->resident = stack->peak = 0;
	if (low >= stack->high || stack->high >> 47)
		return;
	if (stack->high - low > STACK_MAX)
		low = stack->high - STACK_MAX;
	for (uint64_t page = low / PAGE; page < end; page++) {
		if (!has(window, page, end, bits))
			continue;
		stack->resident += PAGE;
		if (!stack->peak)
			stack->peak = stack->high - (page * PAGE > low ? page * PAGE : low);
	}
}

int cs_stackmem_read(uint32_t pid, struct cs_stackmem *stacks, size_t count)
{
	struct window window = {.pages = malloc(PAGES_AT_ONCE * sizeof(uint64_t))};
	char path[64];

	if (!window.pages)
		return -ENOMEM;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/pagemap", pid);
	window.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (window.fd < 0) {
		int error = -errno;
		free(window.pages);
		return error;
	}
	qsort(stacks, count, sizeof(*stacks), by_address);
	for (size_t i = 0; i < count; i++)
		measure(&window, &stacks[i]);
	close(window.fd);
	free(window.pages);
	return 0;
}
