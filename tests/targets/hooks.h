/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How deep calls use their caller's stack, and what they do to errno. Each is made twice: the
 * first one finds out where things are. report() prints "NAME: N bytes of stack used" on stderr,
 * and each one's errno on stdout.
 */
#ifndef HOOKS_H
#define HOOKS_H

#include <errno.h>

#include "target.h"

#define MARK 0xa5
#define AREA 12288 /* looked at below the caller, if there is so much */
#define OWN 48     /* of what paints */

static struct {
	const char *name;
	size_t bytes;
	int errors[2];
} measured[40];
static unsigned measured_count;

SITE static void paint(uintptr_t low, uintptr_t high)
{
	for (uintptr_t at = low; at < high; at++)
		*(volatile unsigned char *)at = MARK;
}

SITE static size_t depth(uintptr_t low, uintptr_t high)
{
	while (low < high && *(volatile unsigned char *)low == MARK)
		low++;
	return high - low;
}

/* CALL, on a stack that begins at LOWEST; NULL: far below. */
SITE static void measure(const char *name, void (*call)(void), const void *lowest)
{
	unsigned index = measured_count++;
	uintptr_t high, low;

	__asm__ volatile("movq %%rsp, %0" : "=r"(high));
	high -= OWN;
	low = high - AREA;
	check(index < sizeof(measured) / sizeof(*measured));
	if (low < (uintptr_t)lowest)
		low = (uintptr_t)lowest;
	measured[index].name = name;
	for (int i = 0; i < 2; i++) {
		paint(low, high);
		errno = 4711;
		call();
		measured[index].errors[i] = errno;
		size_t bytes = depth(low, high) + OWN;

		if (bytes > measured[index].bytes)
			measured[index].bytes = bytes;
	}
}

static void report(void)
{
	for (unsigned i = 0; i < measured_count; i++) {
		fprintf(stderr, "%s: %zu bytes of stack used\n", measured[i].name,
		        measured[i].bytes);
		say("%s: errno %d, %d\n", measured[i].name, measured[i].errors[0],
		    measured[i].errors[1]);
	}
}

#endif
