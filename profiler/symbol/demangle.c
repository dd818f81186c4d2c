/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libiberty does the work through its callbacks, which need no memory of the heap, so that a
 * name that expands without end (S_ within S_ within …) can be left by a jump.
 */
#include "symbol/demangle.h"

#include <ctype.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The longest name that is worth showing. */
enum { NAME_MAX_BYTES = 16384 };

struct output {
	jmp_buf too_long;
	size_t used;
	char text[NAME_MAX_BYTES];
};

static void take(const char *text, size_t bytes, void *context)
{
	struct output *output = context;

	if (bytes >= sizeof(output->text) - output->used)
		longjmp(output->too_long, 1);
	memcpy(output->text + output->used, text, bytes);
	output->used += bytes;
}

/* _ZN4core3fmt17h0123456789abcdefE: C++ by its looks, but for the hash. */
static bool is_old_rust(const char *symbol)
{
	const char *hash = strstr(symbol, "17h");

	for (; hash; hash = strstr(hash + 1, "17h")) {
		unsigned digits = 0;
		while (digits < 16 && isxdigit((unsigned char)hash[3 + digits]))
			digits++;
		if (digits == 16 && hash[19] == 'E')
			return true;
	}
	return false;
}

typedef int demangler(const char *symbol, int options, demangle_callbackref take, void *context);

/* Nothing but OUTPUT lives across the jump. */
static bool demangle_by(demangler *demangle, const char *symbol, struct output *output)
{
	output->used = 0;
	if (setjmp(output->too_long))
		return false;
	return demangle(symbol, DMGL_PARAMS | DMGL_ANSI, take, output) && output->used > 0;
}

static bool demangle_into(struct output *output, const char *symbol)
{
	if (strncmp(symbol, "_R", 2) == 0 || is_old_rust(symbol))
		if (demangle_by(rust_demangle_callback, symbol, output))
			return true;
	return strncmp(symbol, "_Z", 2) == 0 &&
	       demangle_by(cplus_demangle_v3_callback, symbol, output);
}

/* ---- gccgo ---- */

/* What the compiler appends to functions of C that it has split or copied. */
static bool is_of_c(const char *symbol)
{
	static const char *const suffixes[] = {"constprop.", "part.",      "isra.", "cold",
	                                       "lto_priv.",  "localalias", "llvm.", "clone."};
	const char *dot = strchr(symbol, '.');

	for (size_t i = 0; dot && i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (strncmp(dot + 1, suffixes[i], strlen(suffixes[i])) == 0)
			return true;
	return !dot || dot == symbol || strncmp(symbol, "caml", 4) == 0;
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'c' ? c - 'a' + 10 : -1;
}

/*
 * gccgo writes what assemblers don't like with underscores: _1 is a slash, __ is one itself. A
 * name that has an underscore which is none of these is not gccgo's. NULL: it is left as it is.
 */
static char *from_gccgo(const char *symbol)
{
	static const char characters[] = "./*,{}[]()\" ;";
	char *name = malloc(strlen(symbol) + 1), *to = name;

	for (const char *from = symbol; name && *from; from++) {
		int digit = *from == '_' ? digit_of(from[1]) : -1;

		if (strncmp(from, "..func", 6) == 0)
			continue; /* f..func1, as Go has it: f.func1 */
		if (*from != '_') {
			*to++ = *from;
		} else if (from[1] == '_' || digit >= 0) {
			*to++ = '_';
			from++;
			if (digit >= 0)
				to[-1] = characters[digit];
		} else {
			free(name);
			return NULL;
		}
	}
	if (name)
		*to = '\0';
	return name;
}

char *cs_demangle(const char *symbol)
{
	size_t bytes = strlen(symbol);
	const char *version = strchr(symbol, '@');
	struct output *output = NULL;
	char *plain;

	if (bytes > NAME_MAX_BYTES)
		bytes = NAME_MAX_BYTES;
	if (version && version > symbol && (size_t)(version - symbol) < bytes)
		bytes = (size_t)(version - symbol);
	plain = strndup(symbol, bytes);
	if (plain && !is_of_c(plain)) {
		char *go = from_gccgo(plain);

		if (go) {
			free(plain);
			return go;
		}
	}
	if (!plain || plain[0] != '_' || (plain[1] != 'Z' && plain[1] != 'R'))
		return plain;
	output = malloc(sizeof(*output));
	if (!output) {
		free(plain);
		return NULL;
	}
	if (demangle_into(output, plain)) {
		free(plain);
		plain = strndup(output->text, output->used);
	}
	free(output);
	return plain;
}
