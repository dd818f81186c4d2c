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
