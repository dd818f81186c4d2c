/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/maps holds paths that the target chose, with newlines as \012; a line that makes
 * no sense is passed over.
 */
#include "kernel/code.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "kernel/elf_glimpse.h"

#define AGAIN_NS UINT64_C(1000000000)

void cs_code_start(struct cs_code *code, struct cs_model *model, uint32_t pid,
                   cs_code_module *on_module, void *context)
{
	*code = (struct cs_code){
		.model = model,
		.pid = pid,
		.on_module = on_module,
		.context = context,
	};
}

void cs_code_stop(struct cs_code *code)
{
	cs_module_map_free(&code->map);
}

/* ---- one mapping ---- */

struct mapping {
	uint64_t start, end, offset, inode;
	char *path;
	bool deleted; /* what is at PATH now is another file */
};

static bool parse(char *line, struct mapping *mapping)
{
	char permissions[5] = "";
	unsigned device[2];
	int length = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
	           &mapping->start, &mapping->end, permissions, &mapping->offset, &device[0],
	           &device[1], &mapping->inode, &length) < 7 ||
	    !length || mapping->start >= mapping->end || permissions[2] != 'x')
		return false;
	mapping->path = line + length;
	mapping->deleted = cs_proc_cut_deleted(mapping->path);
	return true;
}

static bool is_executable(const struct cs_code *code, const struct mapping *mapping)
{
	char path[4096];

	return cs_proc_program(code->pid, path, sizeof(path)) && !strcmp(path, mapping->path);
}

static int open_file(const struct cs_code *code, const struct mapping *mapping,
                     const struct cs_module_range *range, char *reopen, uint32_t size)
{
	bool executable = is_executable(code, mapping);

	if (!mapping->deleted || executable)
		return cs_module_open(code->pid, range, mapping->path, executable, reopen, size);
	/* Only this link leads to the file that is mapped, and not everybody may follow it. */
	snprintf(reopen, size, "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, code->pid, range->start,
	         range->end);
	return open(reopen, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static void add(struct cs_code *code, const struct mapping *mapping)
{
	struct cs_module_range range = {.start = mapping->start, .end = mapping->end};
	struct cs_elf_glimpse glimpse = {0};
	uint32_t known = cs_model_module_count(code->model);
	char reopen[4352];
	int fd = open_file(code, mapping, &range, reopen, sizeof(reopen));

	if (fd >= 0 && !cs_elf_glimpse(fd, mapping->offset, &glimpse)) {
		close(fd);
		fd = -1;
	}
	/* Without its headers (and for [vdso], which begins at 0): from the mapping's start. */
	range.bias = fd >= 0 ? mapping->start - glimpse.address : mapping->start - mapping->offset;
	range.module = cs_model_module(code->model, mapping->path, glimpse.build_id,
	                               glimpse.build_id_bytes);
	if (range.module && !cs_module_map_add(&code->map, &range) && fd >= 0 && code->on_module &&
	    range.module > known) {
		code->on_module(code->context, range.module, fd, reopen);
		fd = -1;
	}
	if (fd >= 0)
		close(fd);
}

void cs_code_line(struct cs_code *code, char *line)
{
	struct mapping mapping;
	const struct cs_module_range *range;

	/* Without a name it belongs to no module: code that was made at run time. */
	if (!parse(line, &mapping) || !mapping.path[0] || !strncmp(mapping.path, "[anon", 5))
		return;
	range = cs_module_map_find(&code->map, mapping.start);
	if (range && range->start == mapping.start && range->end == mapping.end) {
		const struct cs_module *module = cs_model_module_at(code->model, range->module);

		if (module && module->path && !strcmp(module->path, mapping.path))
			return;
	}
	add(code, &mapping);
}

/* ---- all of them ---- */

static void read_maps(struct cs_code *code)
{
	char path[64];
	char *line = NULL;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/maps", code->pid);
	file = fopen(path, "re");
	if (!file) /* it has ended: what was known stays true */
		return;
	while (getline(&line, &room, file) > 0)
		cs_code_line(code, line);
	free(line);
	fclose(file);
}

const struct cs_module_range *cs_code_find(struct cs_code *code, uint64_t address, uint64_t now_ns)
{
	const struct cs_module_range *range = cs_module_map_find(&code->map, address);

	if (range || (code->read_ns && now_ns - code->read_ns < AGAIN_NS))
		return range;
	code->read_ns = now_ns ? now_ns : 1;
	read_maps(code);
	return cs_module_map_find(&code->map, address);
}

uint32_t cs_code_frame(struct cs_code *code, uint64_t address, uint64_t now_ns)
{
	const struct cs_module_range *range = cs_code_find(code, address, now_ns);

	/* Low addresses are marks: nothing is mapped there. */
	if (!range)
		return cs_model_frame(code->model, CS_MODULE_NONE,
		                      address < CS_FRAME_MARKS ? CS_FRAME_CUT_UNKNOWN : address);
	return cs_model_frame(code->model, range->module, address - range->bias);
}
