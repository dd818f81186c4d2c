/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The linker gives a shared object's first segment the address 0, so its bias is where its
 * file's start is mapped.
 */
#include "go/plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 4352u

struct mapping {
	uint64_t low, high, offset;
	char path[LINE_BYTES];
};

static bool parse(char *line, struct mapping *mapping)
{
	int name = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*4s %" SCNx64 " %*x:%*x %*u %n", &mapping->low,
	           &mapping->high, &mapping->offset, &name) < 3 ||
	    !name || line[name] != '/')
		return false;
	line[strcspn(line, "\n")] = '\0';
	snprintf(mapping->path, sizeof(mapping->path), "%s", line + name);
	return true;
}

void cs_go_plugin_name(struct cs_go_module *module, uint32_t pid, struct cs_model *model)
{
	struct mapping mapping, start = {0}; /* start: of the file that was last begun */
	char path[64], line[LINE_BYTES];
	const char *found = "[go plugin]";
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
	maps = fopen(path, "re");
	module->bias = module->text;
	while (maps && fgets(line, sizeof(line), maps)) {
		if (!parse(line, &mapping))
			continue;
		if (mapping.offset == 0)
			start = mapping;
		if (module->text < mapping.low || module->text >= mapping.high ||
		    strcmp(start.path, mapping.path) != 0)
			continue;
		module->bias = start.low;
		found = start.path;
		break;
	}
	if (maps)
		fclose(maps);
	module->module = cs_model_module(model, found, NULL, 0);
}
