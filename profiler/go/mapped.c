/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loader maps a file's parts one behind the other, so lines of one file are neighbours; a
 * second copy of it begins anew at the file's start.
 */
#include "go/mapped.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/proc.h"

struct line {
	uint64_t low, high, offset, inode;
	bool code;
	const char *path;
};

/* Cuts TEXT. False: not a file's mapping. */
static bool parse(char *text, struct line *line)
{
	char rights[5];
	int name = 0;

	if (sscanf(text, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*x:%*x %" SCNu64 " %n",
	           &line->low, &line->high, rights, &line->offset, &line->inode, &name) < 5 ||
	    !name || text[name] != '/')
		return false;
	text[strcspn(text, "\n")] = '\0';
	cs_proc_cut_deleted(text);
	line->code = rights[2] == 'x';
	line->path = text + name;
	return true;
}

static void begin(struct cs_go_mapped *file, const struct line *line)
{
	*file = (struct cs_go_mapped){
		.start = line->low,
		.end = line->high,
		.offset = line->offset,
		.inode = line->inode,
	};
	snprintf(file->path, sizeof(file->path), "%s", line->path);
}

bool cs_go_mapped_each(uint32_t pid, bool (*visit)(void *context, const struct cs_go_mapped *file),
                       void *context)
{
	struct cs_go_mapped file = {0};
	char path[64], text[CS_GO_PATH_BYTES];
	struct line line;
	bool done = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
	maps = fopen(path, "re");
	while (maps && !done && fgets(text, sizeof(text), maps)) {
		if (!parse(text, &line))
			continue;
		if (line.offset == 0 || line.inode != file.inode || strcmp(line.path, file.path)) {
			done = file.code_high && visit(context, &file);
			begin(&file, &line);
		}
		if (!line.code)
			continue;
		file.code_low = file.code_high ? file.code_low : line.low;
		file.code_high = line.high;
	}
	if (!done && file.code_high)
		done = visit(context, &file);
	if (maps)
		fclose(maps);
	return done;
}

/* ---- plugins ---- */

struct search {
	struct cs_go_module *module;
	struct cs_model *model;
};

/* The linker gives a shared object's first segment the address 0. */
static bool take_if_its(void *context, const struct cs_go_mapped *file)
{
	struct search *search = context;
	struct cs_go_module *module = search->module;

	if (module->text < file->code_low || module->text >= file->code_high)
		return false;
	module->bias = file->start - file->offset;
	module->module = cs_model_module(search->model, file->path, NULL, 0);
	return true;
}

void cs_go_mapped_name(struct cs_go_module *module, uint32_t pid, struct cs_model *model)
{
	struct search search = {module, model};

	module->bias = module->text;
	if (!cs_go_mapped_each(pid, take_if_its, &search))
		module->module = cs_model_module(model, "[go plugin]", NULL, 0);
}
