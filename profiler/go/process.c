/* SPDX-License-Identifier: Apache-2.0 */
#include "go/process.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "go/debug.h"
#include "go/trial.h"

/* ---- the program's file ---- */

static int open_program(uint32_t pid, struct cs_go_image *image, struct cs_diag *diag)
{
	char path[64], name[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", pid);
	snprintf(name, sizeof(name), "%" PRIu32, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	int error = fd < 0 ? -errno : 0;

	if (!error)
		return cs_go_image_open(image, fd, name, diag);
	if (error == -EACCES || error == -EPERM) {
		cs_diag_set(diag, -EPERM, "read %s: it belongs to another user", name);
		return cs_diag_hint(diag, "run as its owner or as root");
	}
	if (access(path, F_OK) == 0 || error != -ENOENT)
		return cs_diag_set(diag, error, "read %s: %s", name, strerror(-error));
	return cs_diag_set(diag, -ESRCH, "read %s: there is no such process", name);
}

/* Address in memory less address in the file, from where the kernel says that it begins. */
static int read_bias(uint32_t pid, const struct cs_go_image *image, uint64_t *bias)
{
	char path[64];
	uint64_t entry[2];
	FILE *file;
	int error = -ESRCH;

	*bias = 0;
	if (!image->pie)
		return 0;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/auxv", pid);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? -ESRCH : -EPERM;
	for (int i = 0; i < 256 && fread(entry, sizeof(entry), 1, file) == 1; i++) {
		if (entry[0] != AT_ENTRY)
			continue;
		*bias = entry[1] - image->entry;
		error = 0;
	}
	fclose(file);
	return error;
}

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
	go->layout_guessed = !known;
	if ((!known || go->version.modified) && go->image.has_dwarf &&
	    cs_go_debug_layout(go->image.fd, &go->layout) == 0)
		go->layout_guessed = false;
	int error = try_layout(go, diag);

	/* A version of somebody's own making may be told by its debug information alone. */
	if (error == -ENOTSUP && known && go->image.has_dwarf &&
	    cs_go_debug_layout(go->image.fd, &go->layout) == 0)
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

struct cs_go *cs_go_open(uint32_t pid, struct cs_diag *diag)
{
	struct cs_go_memory memory = cs_go_memory_of(pid);
	struct cs_go_image image = {.fd = -1};
	char link[64];
	uint64_t bias;

	if (open_program(pid, &image, diag))
		return NULL;
	int error = read_bias(pid, &image, &bias);

	if (error) {
		cs_go_image_close(&image);
		cs_diag_set(diag, error, "read %" PRIu32 ": %s", pid,
		            error == -ESRCH ? "it has ended" : "not permitted");
		return NULL;
	}
	struct cs_go *go = cs_go_open_image(&image, bias, &memory, diag);

	if (!go)
		return NULL;
	go->pid = pid;
	snprintf(link, sizeof(link), "/proc/%" PRIu32 "/exe", pid);
	ssize_t length = readlink(link, go->path, sizeof(go->path) - 1);

	go->path[length > 0 ? length : 0] = '\0';
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

int cs_go_probe(uint32_t pid, struct cs_diag *diag)
{
	struct cs_go_image image;
	int error = open_program(pid, &image, diag);

	if (error == -ENOEXEC)
		return 0; /* another one may know it */
	if (error)
		return error;
	error = cs_go_table_open(NULL, &image, diag);
	cs_go_image_close(&image);
	if (error == -ENOENT)
		return 0;
	return error ? error : 1;
}
