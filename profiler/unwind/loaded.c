/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file found by its path may be another one by now (a package was upgraded): its unwind
 * information is used only if the process has the same in its memory.
 */
#include "unwind/loaded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/vdso.h"
#include "unwind/reading.h"

static bool is_same(const struct cs_mapping *left, const struct cs_mapping *right)
{
	return left->start == right->start && left->end == right->end &&
	       left->offset == right->offset && left->inode == right->inode &&
	       strcmp(left->path, right->path) == 0;
}

static bool is_unchanged(const struct cs_mappings *old, const struct cs_mappings *new)
{
	if (old->count != new->count)
		return false;
	for (uint32_t i = 0; i < new->count; i++)
		if (!is_same(&old->at[i], &new->at[i]))
			return false;
	return true;
}

/* Moves what is known of a mapping that is still there. */
static void take_over(struct cs_loaded_entry *entry, const struct cs_mapping *mapping,
                      struct cs_loaded *old)
{
	int32_t index = cs_mappings_find(&old->mappings, mapping->start);

	if (index < 0 || !old->entries || !is_same(mapping, &old->mappings.at[index]))
		return;
	*entry = old->entries[index];
	old->entries[index].cfi = NULL;
}

int cs_loaded_refresh(struct cs_loaded *loaded, bool *changed)
{
	struct cs_loaded old = *loaded;
	struct cs_loaded_entry *entries;
	struct cs_mappings mappings;
	int error = cs_mappings_read(&mappings, loaded->options.pid);

	*changed = false;
	if (error)
		return error;
	if (loaded->entries && is_unchanged(&loaded->mappings, &mappings)) {
		loaded->mappings.all = mappings.all;
		cs_mappings_free(&mappings);
		return 0;
	}
	entries = calloc(mappings.count ? mappings.count : 1, sizeof(*entries));
	if (!entries) {
		cs_mappings_free(&mappings);
		return -ENOMEM;
	}
	*changed = true;
	loaded->mappings = mappings;
	loaded->entries = entries;
	for (uint32_t i = 0; i < mappings.count; i++)
		take_over(&entries[i], &mappings.at[i], &old);
	cs_loaded_free(&old);
	return 0;
}

void cs_loaded_free(struct cs_loaded *loaded)
{
	for (uint32_t i = 0; loaded->entries && i < loaded->mappings.count; i++)
		cs_cfi_close(loaded->entries[i].cfi);
	free(loaded->entries);
	loaded->entries = NULL;
	cs_mappings_free(&loaded->mappings);
}

/* Is what the process has in its memory what the file says? */
static bool is_the_same(const struct cs_loaded *loaded, const struct cs_loaded_entry *entry)
{
	uint8_t there[256] = {0};
	uint64_t address;
	struct cs_piece piece = {.to = there};
	const uint8_t *here = cs_cfi_print(entry->cfi, &address, &piece.bytes);

	if (!here || piece.bytes > sizeof(there))
		return true; /* no table of unwind information: nothing can be wrong with it */
	piece.address = address + entry->bias;
	return cs_reading(loaded->options.pid, &piece, 1) == 0 && piece.got == piece.bytes &&
	       memcmp(here, there, piece.bytes) == 0;
}

static void open_entry(const struct cs_loaded *loaded, struct cs_loaded_entry *entry,
                       const struct cs_mapping *mapping)
{
	int fd = -1;

	entry->tried = true;
	if (strcmp(mapping->path, "[vdso]") == 0)
		fd = cs_vdso_open();
	else if (mapping->path[0] == '/')
		fd = loaded->options.open_file(loaded->options.context, mapping);
	if (fd < 0)
		return;
	entry->cfi = cs_cfi_open(fd);
	if (!entry->cfi)
		return;
	if (cs_cfi_bias(entry->cfi, mapping->start, mapping->offset, &entry->bias) &&
	    is_the_same(loaded, entry))
		return;
	cs_cfi_close(entry->cfi);
	entry->cfi = NULL;
}

int32_t cs_loaded_find(struct cs_loaded *loaded, uint64_t address)
{
	int32_t index = cs_mappings_find(&loaded->mappings, address);

	if (index >= 0 && !loaded->entries[index].tried)
		open_entry(loaded, &loaded->entries[index], &loaded->mappings.at[index]);
	return index;
}
