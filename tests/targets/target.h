/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the target programs share: printing that allocates nothing, a check that ends the
 * program with status 70, and a generator of numbers that gives the same in every run.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SITE __attribute__((noinline, unused))

static inline void put(int fd, const char *text, size_t bytes)
{
	while (bytes > 0) {
		ssize_t written = write(fd, text, bytes);

		if (written <= 0)
			_exit(71);
		text += written;
		bytes -= (size_t)written;
	}
}

__attribute__((format(printf, 1, 2), unused)) static void say(const char *format, ...)
{
	char line[2048];
	va_list list;

	va_start(list, format);
	int bytes = vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	put(1, line, bytes < (int)sizeof(line) ? (size_t)bytes : sizeof(line) - 1);
}

__attribute__((noreturn, unused)) static void check_failed(const char *file, int line,
                                                           const char *what)
{
	char text[512];
	int bytes = snprintf(text, sizeof(text), "%s:%d: check failed: %s\n", file, line, what);

	put(2, text, (size_t)bytes);
	_exit(70);
}

#define check(condition)                                              \
	do {                                                          \
		if (!(condition))                                     \
			check_failed(__FILE__, __LINE__, #condition); \
	} while (0)

static inline uint64_t mono_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Sleeps all of it, however often a signal interrupts. */
static inline void sleep_ms(unsigned ms)
{
	struct timespec rest = {ms / 1000, (long)(ms % 1000) * 1000000};

	while (nanosleep(&rest, &rest) != 0)
		continue;
}

/* xorshift64*; *STATE must not be 0. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1du;
}

static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
	return (random_next(state) >> 11) % limit;
}

static inline unsigned long argument(int argc, char **argv, int index, unsigned long otherwise)
{
	return argc > index ? strtoul(argv[index], NULL, 0) : otherwise;
}

#endif
