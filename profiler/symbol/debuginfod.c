/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library is asked for by name at run time, so that coroscope starts, and is installed,
 * without it.
 */
#include "symbol/debuginfod.h"

#include <dlfcn.h>
#include <stdlib.h>

/* As <elfutils/debuginfod.h> has them, which needs a package of its own. */
typedef struct debuginfod_client debuginfod_client;
typedef debuginfod_client *begin_function(void);
typedef void end_function(debuginfod_client *client);
typedef int find_function(debuginfod_client *client, const unsigned char *build_id, int bytes,
                          char **path);

struct cs_debuginfod {
	void *library;
	debuginfod_client *client;
	end_function *end;
	find_function *find;
};

struct cs_debuginfod *cs_debuginfod_new(void)
{
	struct cs_debuginfod *debuginfod = calloc(1, sizeof(*debuginfod));

	if (!debuginfod)
		return NULL;
	/* It brings libraries that keep memory for as long as the process lives: they stay. */
	debuginfod->library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (debuginfod->library) {
		begin_function *begin =
			(begin_function *)dlsym(debuginfod->library, "debuginfod_begin");
		debuginfod->end = (end_function *)dlsym(debuginfod->library, "debuginfod_end");
		debuginfod->find =
			(find_function *)dlsym(debuginfod->library, "debuginfod_find_debuginfo");
		if (begin && debuginfod->end && debuginfod->find)
			debuginfod->client = begin();
	}
	if (debuginfod->client)
		return debuginfod;
	cs_debuginfod_free(debuginfod);
	return NULL;
}

void cs_debuginfod_free(struct cs_debuginfod *debuginfod)
{
	if (!debuginfod)
		return;
	if (debuginfod->client)
		debuginfod->end(debuginfod->client);
	if (debuginfod->library)
		dlclose(debuginfod->library);
	free(debuginfod);
}

int cs_debuginfod_find(struct cs_debuginfod *debuginfod, const uint8_t *build_id, uint32_t bytes)
{
	return debuginfod->find(debuginfod->client, build_id, (int)bytes, NULL);
}
