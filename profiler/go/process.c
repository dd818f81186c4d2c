/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the order of proof: the file is Go's, its tables are found, its version is known, a layout
 * fits, variables are where that layout has them. What fails first is what is told.
 */
#include "go/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "go/debug.h"
#include "go/program.h"
#include "go/trial.h"

/* ---- the runtime ---- */

/* Go's names of what goroutines wait for; absent ones are shown by number. */
static void read_reasons(struct cs_go *go)
{
	for (uint64_t i = 0; i < 256; i++) {
		char *reason = go->reasons[i];

		if (!go->variables.wait_reasons || i >= go->variables.wait_reason_count ||
		    !cs_go_read_string(&go->memory, go->variables.wait_reasons + i * 16, reason,
		                       CS_GO_REASON_BYTES)) {
			if (i > 0)
				snprintf(reason, CS_GO_REASON_BYTES, "reason %" PRIu64, i);
		}
	}
}

/* Plugins: further modules in the runtime's list. */
static void read_modules(struct cs_go *go)
{
	uint64_t next = 0;

	cs_go_read_u64(&go->memory, go->modules[0].address + go->layout.md_next, &next);
	while (next && go->module_count < CS_GO_MODULES_MAX) {
		struct cs_go_module *module = &go->modules[go->module_count];

		if (cs_go_module_read(module, &go->memory, next, go->layout.md_gofunc)) {
			cs_go_module_close(module);
			break;
		}
		go->module_count++;
		cs_go_read_u64(&go->memory, module->address + go->layout.md_next, &next);
	}
}

/*
 * Debug information tells the layout; where it is silent, because there is no such field, the
 * version that is most like it is asked, whatever version it says it is.
 */
static bool take_debug_layout(struct cs_go *go)
{
	if (!go->image.has_dwarf || cs_go_debug_layout(go->image.fd, &go->layout) != 0)
		return false;
	go->behaves_as = cs_go_layout_nearest(&go->layout);
	cs_go_layout_of(&go->layout, go->behaves_as);
	return cs_go_debug_layout(go->image.fd, &go->layout) == 0;
}

static int try_layout(struct cs_go *go, struct cs_diag *diag)
{
	int error = cs_go_module_settle(&go->modules[0], &go->memory, go->layout.md_gofunc);

	if (error)
		return cs_diag_set(diag, error, "read its goroutines: its memory can't be read");
	error = cs_go_locate(&go->variables, &go->modules[0], &go->layout, &go->memory, diag);
	if (error)
		return error;
	return cs_go_trial(&go->memory, &go->layout, &go->variables, go->modules, diag);
}

/* Debug information knows the layout of a version that we do not. */
static int find_layout(struct cs_go *go, struct cs_diag *diag)
{
	const char *version = go->version.text[0] ? go->version.text : "an unknown version of Go";
	bool known = cs_go_layout_of(&go->layout, go->version.minor) == 0;

	if (go->version.minor && go->version.minor < CS_GO_OLDEST)
		return cs_diag_set(diag, -ENOTSUP,
		                   "read its goroutines: it was built by %s, and what is older "
		                   "than go1.%u is not known",
		                   version, CS_GO_OLDEST);
	if (!known)
		cs_go_layout_of(&go->layout, CS_GO_NEWEST);
	go->behaves_as = known ? go->version.minor : CS_GO_NEWEST;
	go->layout_guessed = !known;
	if ((!known || go->version.modified) && take_debug_layout(go))
		go->layout_guessed = false;
	int error = try_layout(go, diag);

	/* A version of somebody's own making may be told by its debug information alone. */
	if (error == -ENOTSUP && known && take_debug_layout(go))
		error = try_layout(go, diag);
	if (error == -ENOTSUP && (go->layout_guessed || go->version.modified))
		cs_diag_hint(diag,
		             "it was built by %s; go1.%u to go1.%u are known, others are read "
		             "when they have debug information or have not changed",
		             version, CS_GO_OLDEST, CS_GO_NEWEST);
	return error;
}

static int open_runtime(struct cs_go *go, uint64_t bias, struct cs_diag *diag)
{
	struct cs_go_table table;
	int error = cs_go_table_open(&table, &go->image, diag);

	if (error)
		return error;
	error = cs_go_module_find(&go->modules[0], &go->memory, &go->image, bias, &table, diag);
	if (error)
		return error;
	go->module_count = 1;
	cs_go_version_find(&go->version, &go->image, &go->modules[0], &go->memory);
	error = find_layout(go, diag);
	if (error)
		return error;
	read_modules(go);
	read_reasons(go);
	if (cs_go_places_init(&go->places, go->modules, go->module_count))
		return cs_diag_set(diag, -ENOMEM, "read its goroutines: out of memory");
	return 0;
}

struct cs_go *cs_go_open_image(struct cs_go_image *image, uint64_t bias,
                               const struct cs_go_memory *memory, struct cs_diag *diag)
{
	struct cs_go *go = calloc(1, sizeof(*go));

	if (!go) {
		cs_go_image_close(image);
		cs_diag_set(diag, -ENOMEM, "read its goroutines: out of memory");
		return NULL;
	}
	go->image = *image;
	go->memory = *memory;
	if (!open_runtime(go, bias, diag))
		return go;
	cs_go_close(go);
	return NULL;
}

/* The one that PROGRAM holds; takes it. */
static struct cs_go *open_of(struct cs_go_program *program, uint32_t pid, struct cs_diag *diag)
{
	struct cs_go_memory memory = cs_go_memory_of(pid);
	struct cs_go *go = cs_go_open_image(&program->image, program->bias, &memory, diag);

	if (!go)
		return NULL;
	go->pid = pid;
	memcpy(go->path, program->path, sizeof(go->path));
	return go;
}

/* Whether the code of LIBRARY is one of GO's modules: a plugin of its. */
static bool is_module_of(const struct cs_go *go, const struct cs_go_program *library)
{
	for (uint32_t i = 0; i < library->image.segment_count; i++) {
		const struct cs_go_segment *segment = &library->image.segments[i];
		uint64_t low = segment->vaddr + library->bias;

		for (uint32_t k = 0; k < go->module_count; k++)
			if (go->modules[k].text >= low &&
			    go->modules[k].text - low < segment->memory_bytes)
				return true;
	}
	return false;
}

/* The first library from INDEX on, counted on, that can be read; DIAG is of the last one. */
static struct cs_go *open_library(uint32_t pid, uint32_t *index, const struct cs_go *but,
                                  struct cs_diag *diag)
{
	struct cs_go_program library;
	struct cs_go *go = NULL;

	while (!go && *index < CS_GO_MODULES_MAX &&
	       cs_go_program_library(&library, pid, (*index)++) == 0) {
		if (but && is_module_of(but, &library))
			cs_go_program_close(&library);
		else
			go = open_of(&library, pid, diag);
	}
	return go;
}

/* Another runtime in the same process would be left out in silence. */
static void find_other(struct cs_go *go, uint32_t index)
{
	struct cs_diag ignored = {0};
	struct cs_go *other = open_library(go->pid, &index, go, &ignored);

	if (!other)
		return;
	snprintf(go->other, sizeof(go->other), "%s", other->path);
	cs_go_close(other);
}

struct cs_go *cs_go_open(uint32_t pid, struct cs_diag *diag)
{
	struct cs_go_program program;
	struct cs_diag library = {0};
	uint64_t stamp = cs_go_program_stamp(pid);
	struct cs_go *go;
	uint32_t index = 0;

	if (cs_go_program_open(&program, pid, diag))
		return NULL;
	go = open_of(&program, pid, diag);
	if (!go) {
		go = open_library(pid, &index, NULL, &library);
		if (!go && library.error && diag)
			*diag = library;
	}
	if (!go) {
		cs_go_program_changed(pid, stamp, diag);
		return NULL;
	}
	go->stamp = stamp;
	find_other(go, index);
	return go;
}

void cs_go_close(struct cs_go *go)
{
	if (!go)
		return;
	cs_go_places_free(&go->places);
	for (uint32_t i = 0; i < CS_GO_MODULES_MAX; i++)
		cs_go_module_close(&go->modules[i]);
	cs_go_image_close(&go->image);
	free(go);
}

/* ---- is it one? ---- */

/* As cs_go_probe(), of an open file, which is closed. */
static int probe(struct cs_go_program *program, struct cs_diag *diag)
{
	int error = cs_go_table_open(NULL, &program->image, diag);

	cs_go_program_close(program);
	if (error == -ENOENT)
		return 0;
	return error ? error : 1;
}

int cs_go_probe(uint32_t pid, struct cs_diag *diag)
{
	struct cs_go_program program;
	int error = cs_go_program_open(&program, pid, diag);

	return error ? error : probe(&program, diag);
}

int cs_go_probe_libraries(uint32_t pid, struct cs_diag *diag)
{
	struct cs_go_program library;
	int found = 0;

	for (uint32_t i = 0; found == 0 && i < CS_GO_MODULES_MAX; i++) {
		if (cs_go_program_library(&library, pid, i))
			break;
		found = probe(&library, diag);
	}
	return found;
}
