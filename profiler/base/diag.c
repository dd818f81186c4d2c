/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a failure travel in a struct that the caller owns, so that nothing below the
 * commands prints, and a failure that is handled costs no output.
 */
#include "base/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The reason is at the end: of a text that does not fit, some of the middle is left out. */
static void shorten(char *text, size_t bytes, const char *whole, size_t length)
{
	size_t tail = bytes / 2, head = bytes - 1 - tail - 3;
	const char *end = whole + length - tail;

	while (head > 0 && continues(whole[head]))
		head--;
	while (*end && continues(*end))
		end++;
	snprintf(text, bytes, "%.*s...%s", (int)head, whole, end);
}

/* False: it did not fit, and ends somewhere. */
__attribute__((format(printf, 3, 0))) static bool put(char *text, size_t bytes, const char *format,
                                                      va_list arguments)
{
	int length = vsnprintf(text, bytes, format, arguments);

	if (length < 0)
		text[0] = '\0';
	return length < 0 || (size_t)length < bytes;
}

__attribute__((format(printf, 3, 0))) static void put_shortened(char *text, size_t bytes,
                                                                const char *format,
                                                                va_list arguments)
{
	char *whole = NULL;
	int length = vasprintf(&whole, format, arguments);

	if (length >= 0 && (size_t)length >= bytes)
		shorten(text, bytes, whole, (size_t)length);
	free(length >= 0 ? whole : NULL);
}

int cs_diag_set(struct cs_diag *diag, int error, const char *format, ...)
{
	va_list arguments;

	if (!diag)
		return error;
	/* Arguments may point into the very diag that is set: hint and text of a cause. */
	char text[sizeof(diag->text)];

	va_start(arguments, format);
	bool fits = put(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (!fits) {
		va_start(arguments, format);
		put_shortened(text, sizeof(text), format, arguments);
		va_end(arguments);
	}
	diag->error = error;
	diag->hint[0] = '\0';
	memcpy(diag->text, text, sizeof(text));
	return error;
}

int cs_diag_hint(struct cs_diag *diag, const char *format, ...)
{
	va_list arguments;

	/* Who says "return cs_diag_hint(…)" has failed, whether or not somebody listens. */
	if (!diag)
		return -EINVAL;
	va_start(arguments, format);
	bool fits = put(diag->hint, sizeof(diag->hint), format, arguments);
	va_end(arguments);
	if (!fits) {
		va_start(arguments, format);
		put_shortened(diag->hint, sizeof(diag->hint), format, arguments);
		va_end(arguments);
	}
	return diag->error;
}
