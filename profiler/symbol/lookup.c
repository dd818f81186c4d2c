/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DWARF knows inlined calls, files and lines, the symbol table knows functions that were
 * compiled without: where both know a name, DWARF's linkage name is taken, because it is the
 * function as it was written (symbols may be clones and aliases).
 */
#include "symbol/lookup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/index.h"
#include "base/list.h"
#include "symbol/demangle.h"
#include "symbol/dwarf.h"
#include "symbol/symtab.h"

/* A text made of others, which are met again and again: a demangled symbol, a path. */
struct known {
	const char *first, *second;
	char *text;
};

struct cs_lookup {
	struct cs_object object, debug;
	struct cs_symtab symtab;
	struct cs_dwarf *dwarf; /* NULL: none */
	struct cs_list known;
	struct cs_index known_index; /* by the addresses of first and second */
	struct cs_dwarf_calls calls;
	struct cs_name names[CS_DWARF_CALLS];
};

struct cs_lookup *cs_lookup_new(struct cs_object *object, const char *path,
                                const struct cs_debugfile_search *search)
{
	struct cs_lookup *lookup = calloc(1, sizeof(*lookup));

	if (!lookup) {
		cs_object_close(object);
		return NULL;
	}
	lookup->object = *object;
	lookup->debug.fd = -1;
	cs_list_init(&lookup->known, sizeof(struct known), 8);
	bool own_dwarf = cs_object_section(object, ".debug_info") ||
	                 cs_object_section(object, ".zdebug_info");
	if (!own_dwarf)
		cs_debugfile_open(&lookup->debug, object, path, search);
	const struct cs_object *debug = lookup->debug.elf ? &lookup->debug : NULL;
	if (cs_symtab_load(&lookup->symtab, &lookup->object, debug)) {
		cs_lookup_free(lookup);
		return NULL;
	}
	lookup->dwarf = own_dwarf ? cs_dwarf_open(&lookup->object)
	                : debug   ? cs_dwarf_open(debug)
	                          : NULL;
	return lookup;
}

void cs_lookup_free(struct cs_lookup *lookup)
{
	if (!lookup)
		return;
	for (uint32_t i = 0; i < lookup->known.count; i++)
		free(((struct known *)cs_list_at(&lookup->known, i))->text);
	cs_list_free(&lookup->known);
	cs_index_free(&lookup->known_index);
	cs_dwarf_close(lookup->dwarf);
	cs_symtab_free(&lookup->symtab);
	cs_object_close(&lookup->debug);
	cs_object_close(&lookup->object);
	free(lookup);
}

bool cs_lookup_has_dwarf(const struct cs_lookup *lookup)
{
	return lookup->dwarf != NULL;
}

bool cs_lookup_is_stripped(const struct cs_lookup *lookup)
{
	return !lookup->symtab.complete;
}

static char *join(const char *folder, const char *file)
{
	char *path = NULL;
	const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";

	return asprintf(&path, "%s%s%s", folder, slash, file) < 0 ? NULL : path;
}

/*
 * What FIRST and SECOND stand for: a path, or without SECOND a symbol as it was written. They
 * are strings of the files that are open: the same address is the same text.
 */
static const char *text_of(struct cs_lookup *lookup, const char *first, const char *second)
{
	uint32_t hash = cs_hash_pair((uintptr_t)first, (uintptr_t)second);
	struct cs_probe probe = cs_index_probe(&lookup->known_index, hash);
	struct known *known;
	uint32_t id;

	while ((id = cs_probe_next(&probe))) {
		known = cs_list_at(&lookup->known, id - 1);
		if (known->first == first && known->second == second)
			return known->text;
	}
	known = cs_list_push(&lookup->known);
	if (!known)
		return NULL;
	*known = (struct known){.first = first,
	                        .second = second,
	                        .text = second ? join(first, second) : cs_demangle(first)};
	if (!known->text || cs_index_add(&lookup->known_index, hash, lookup->known.count))
		return NULL;
	return known->text;
}

static bool is_mangled(const char *symbol)
{
	return symbol[0] == '_' && (symbol[1] == 'Z' || symbol[1] == 'R');
}

/* What a call is called: SYMBOL is the table's for the function that is not inlined. */
static const char *best_symbol(const struct cs_dwarf_call *call, const char *symbol)
{
	if (call->linkage && *call->linkage)
		return call->linkage;
	/* DWARF's plain name lacks the scope. */
	if (symbol && is_mangled(symbol))
		return symbol;
	if (call->name && *call->name)
		return call->name;
	return symbol;
}

static int name_from_dwarf(struct cs_lookup *lookup, uint64_t address, uint32_t *count)
{
	const struct cs_dwarf_calls *calls = &lookup->calls;

	for (uint32_t i = 0; i < calls->count; i++) {
		bool last = i + 1 == calls->count;
		const char *table = last ? cs_symtab_find(&lookup->symtab, address) : NULL;
		const char *symbol = best_symbol(&calls->at[i], table);
		struct cs_name *name = &lookup->names[i];

		*name = (struct cs_name){
			.file = calls->at[i].file, .line = calls->at[i].line, .inlined = !last};
		if (symbol && !(name->function = text_of(lookup, symbol, NULL)))
			return -ENOMEM;
		if (calls->at[i].folder &&
		    !(name->file = text_of(lookup, calls->at[i].folder, calls->at[i].file)))
			return -ENOMEM;
	}
	*count = calls->count;
	return 0;
}

static int name_from_table(struct cs_lookup *lookup, uint64_t address, uint32_t *count)
{
	const char *symbol = cs_symtab_find(&lookup->symtab, address);

	if (!symbol)
		return 0;
	lookup->names[0] = (struct cs_name){.function = text_of(lookup, symbol, NULL)};
	if (!lookup->names[0].function)
		return -ENOMEM;
	*count = 1;
	return 0;
}

int cs_lookup_find(struct cs_lookup *lookup, uint64_t address, const struct cs_name **names,
                   uint32_t *count)
{
	*names = lookup->names;
	*count = 0;
	if (!cs_object_has_code_at(&lookup->object, address))
		return 0;
	int error = lookup->dwarf ? cs_dwarf_find(lookup->dwarf, address, &lookup->calls) : -ENOENT;
	if (error == 0)
		return name_from_dwarf(lookup, address, count);
	if (error != -ENOENT)
		return error;
	return name_from_table(lookup, address, count);
}
