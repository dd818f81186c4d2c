/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a failure travel in a struct that the caller owns, so that nothing below the
 * commands prints, and a failure that is handled costs no output.
 */
#include "base/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A text that did not fit says so, and does not end inside a UTF-8 character. */
static void end_cut(char *text, size_t bytes)
{
	size_t at = bytes - 4;

	while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
		at--;
	memcpy(text + at, "...", 4);
}

__attribute__((format(printf, 3, 0))) static void put(char *text, size_t bytes, const char *format,
                                                      va_list arguments)
{
	int length = vsnprintf(text, bytes, format, arguments);

	if (length < 0)
		text[0] = '\0';
	else if ((size_t)length >= bytes)
		end_cut(text, bytes);
}

int cs_diag_set(struct cs_diag *diag, int error, const char *format, ...)
{
	va_list arguments;

	if (!diag)
		return error;
	/* Arguments may point into the very diag that is set: hint and text of a cause. */
	char text[sizeof(diag->text)];

	va_start(arguments, format);
	put(text, sizeof(text), format, arguments);
	va_end(arguments);
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
	put(diag->hint, sizeof(diag->hint), format, arguments);
	va_end(arguments);
	return diag->error;
}
