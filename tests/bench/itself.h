/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A function of a library itself, without whoever has put himself before it: what it costs with
 * him and without is compared within one process, in turns.
 */
#ifndef CS_BENCH_ITSELF_H
#define CS_BENCH_ITSELF_H

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int path_of(struct dl_phdr_info *info, size_t bytes, void *path)
{
	const char **wanted = path;

	(void)bytes;
	if (!strstr(info->dlpi_name, *wanted))
		return 0;
	*wanted = info->dlpi_name;
	return 1;
}

/* FUNCTION of the first library that is loaded whose path has LIBRARY in it, or the end. */
static void *itself(const char *library, const char *function)
{
	void *handle, *address;

	dl_iterate_phdr(path_of, &library);
	handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
	address = handle ? dlsym(handle, function) : NULL;
	if (!address) {
		fprintf(stderr, "no %s in %s\n", function, library);
		exit(1);
	}
	return address;
}

#endif
