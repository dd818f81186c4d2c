/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict on purpose: "1O0", "-1" and "10 s" are refused rather than read as something else.
 * Digits are read here and not by strtod(), whose point depends on the locale.
 */
#include "command/quantity.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

/* Decimals beyond the ninth are below a nanosecond and a byte of a gigabyte. */
#define FRACTION_DIGITS 9

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit sizes[] = {
	{"", 1},
	{"b", 1},
	{"k", UINT64_C(1) << 10},
	{"kb", UINT64_C(1) << 10},
	{"kib", UINT64_C(1) << 10},
	{"m", UINT64_C(1) << 20},
	{"mb", UINT64_C(1) << 20},
	{"mib", UINT64_C(1) << 20},
	{"g", UINT64_C(1) << 30},
	{"gb", UINT64_C(1) << 30},
	{"gib", UINT64_C(1) << 30},
	{"t", UINT64_C(1) << 40},
	{"tb", UINT64_C(1) << 40},
	{"tib", UINT64_C(1) << 40},
	{NULL, 0},
};

static const struct unit times[] = {
	{"ns", 1},
	{"us", 1000},
	{"ms", 1000000},
	{"s", UINT64_C(1000000000)},
	{"m", UINT64_C(60000000000)},
	{"min", UINT64_C(60000000000)},
	{"h", UINT64_C(3600000000000)},
	{NULL, 0},
};

/* Whole and billionths, so that 0.1 stays exact. */
struct number {
	uint64_t whole;
	uint64_t billionths;
};

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static int read_fraction(const char **text, uint64_t *billionths)
{
	unsigned digits = 0;

	if (!digit(**text))
		return -EINVAL;
	for (; digit(**text); (*text)++)
		if (digits++ < FRACTION_DIGITS)
			*billionths = *billionths * 10 + (uint64_t)(**text - '0');
	for (; digits < FRACTION_DIGITS; digits++)
		*billionths *= 10;
	return 0;
}

static int read_number(const char **text, struct number *number)
{
	*number = (struct number){0};
	if (!digit(**text))
		return -EINVAL;
	for (; digit(**text); (*text)++)
		if (__builtin_mul_overflow(number->whole, 10, &number->whole) ||
		    __builtin_add_overflow(number->whole, (uint64_t)(**text - '0'), &number->whole))
			return -ERANGE;
	if (**text != '.')
		return 0;
	(*text)++;
	return read_fraction(text, &number->billionths);
}

/* The letters at TEXT as a unit; NULL: not one of UNITS. */
static const struct unit *read_unit(const char **text, const struct unit *units)
{
	size_t length = 0;

	while ((*text)[length] && !digit((*text)[length]) && (*text)[length] != '.')
		length++;
	for (const struct unit *unit = units; unit->name; unit++) {
		if (strncasecmp(unit->name, *text, length) == 0 && !unit->name[length]) {
			*text += length;
			return unit;
		}
	}
	return NULL;
}

static int add_scaled(uint64_t *sum, const struct number *number, uint64_t factor)
{
	unsigned __int128 part = (unsigned __int128)number->billionths * factor / 1000000000u;
	uint64_t whole;

	if (__builtin_mul_overflow(number->whole, factor, &whole) ||
	    __builtin_add_overflow(*sum, whole, sum) ||
	    __builtin_add_overflow(*sum, (uint64_t)part, sum))
		return -ERANGE;
	return 0;
}

int cs_parse_count(const char *text, uint64_t *count)
{
	struct number number;
	int error = read_number(&text, &number);

	if (error)
		return error;
	if (*text || number.billionths)
		return -EINVAL;
	*count = number.whole;
	return 0;
}

int cs_parse_size(const char *text, uint64_t *bytes)
{
	struct number number;
	uint64_t sum = 0;
	int error = read_number(&text, &number);
	if (error)
		return error;

	const struct unit *unit = read_unit(&text, sizes);
	if (!unit || *text)
		return -EINVAL;
	error = add_scaled(&sum, &number, unit->factor);
	if (!error)
		*bytes = sum;
	return error;
}

int cs_parse_duration(const char *text, uint64_t *ns)
{
	uint64_t sum = 0, last = UINT64_MAX;

	do {
		struct number number;
		int error = read_number(&text, &number);
		if (error)
			return error;
		/* A bare number is seconds, but only on its own: "1m30" is a slip. */
		const struct unit *unit = !*text && last == UINT64_MAX ? &times[3]
		                                                       : read_unit(&text, times);
		if (!unit || unit->factor >= last)
			return -EINVAL;
		last = unit->factor;
		error = add_scaled(&sum, &number, unit->factor);
		if (error)
			return error;
	} while (*text);
	*ns = sum;
	return 0;
}
