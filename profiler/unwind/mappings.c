/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program with a mapping for each coroutine's stack has tens of thousands of lines here, of
 * which few speak of code: only those are kept.
 */
#include "unwind/mappings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/proc.h"

#define MAPPINGS_MAX 65536u

static int add(struct cs_mappings *mappings, size_t *room, const struct cs_mapping *mapping,
               char *path)
{
	void *at = mappings->at;

	if (mappings->count >= MAPPINGS_MAX)
		return 0;
	cs_proc_cut_deleted(path);
	if (cs_array_reserve(&at, room, sizeof(*mapping), (size_t)mappings->count + 1))
		return -ENOMEM;
	mappings->at = at;
	mappings->at[mappings->count] = *mapping;
	mappings->at[mappings->count].path = strdup(path);
	if (!mappings->at[mappings->count].path)
		return -ENOMEM;
	mappings->count++;
	return 0;
}

int cs_mappings_parse(struct cs_mappings *mappings, char *text)
{
	size_t room = 0;
	int error = 0;

	*mappings = (struct cs_mappings){0};
	for (char *line = text, *end; !error && line && *line; line = end) {
		struct cs_mapping mapping = {0};
		char access[5];
		int path = 0;

		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		mappings->all++;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*x:%*x %" SCNu64 " %n",
		           &mapping.start, &mapping.end, access, &mapping.offset, &mapping.inode,
		           &path) < 5 ||
		    !path || access[2] != 'x' || mapping.start >= mapping.end || mapping.end >> 47)
			continue;
		error = add(mappings, &room, &mapping, line + path);
	}
	if (error)
		cs_mappings_free(mappings);
	return error;
}

int cs_mappings_read(struct cs_mappings *mappings, uint32_t pid)
{
	char *text;
	int error = cs_proc_read(pid, "maps", &text);

	*mappings = (struct cs_mappings){0};
	if (!error)
		error = cs_mappings_parse(mappings, text);
	free(text);
	return error;
}

void cs_mappings_free(struct cs_mappings *mappings)
{
	for (uint32_t i = 0; i < mappings->count; i++)
		free(mappings->at[i].path);
	free(mappings->at);
	*mappings = (struct cs_mappings){0};
}

int32_t cs_mappings_find(const struct cs_mappings *mappings, uint64_t address)
{
	uint32_t low = 0;
	uint32_t high = mappings->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (mappings->at[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	if (low == mappings->count || mappings->at[low].start > address)
		return -1;
	return (int32_t)low;
}
