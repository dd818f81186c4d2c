/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No guesses: an address behind the end of the last symbol has no name, not that symbol's.
 * Only a symbol that says nothing of its size (assembly) reaches up to the next one, and
 * only where all symbols are known: between exported ones there are others.
 */
#include "symbol/symtab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"

/* Symbols of no size wait here until all starts are known. */
struct loader {
	struct cs_symtab *symtab;
	struct cs_spans open_ended; /* high: end of the section */
};

static const char *name_of(const struct cs_symbol *symbol)
{
	if (symbol->name)
		return symbol->name;
	return elf_strptr(symbol->elf, symbol->names, symbol->name_offset);
}

/* 0: no function; else how well it names one. */
static uint8_t rank_of(const GElf_Sym *symbol)
{
	unsigned type = GELF_ST_TYPE(symbol->st_info);
	unsigned binding = GELF_ST_BIND(symbol->st_info);
	uint8_t rank = binding == STB_LOCAL ? 1 : binding == STB_WEAK ? 2 : 3;

	if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= SHN_LORESERVE || !symbol->st_name)
		return 0;
	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		return (uint8_t)(rank + 4);
	return type == STT_NOTYPE ? rank : 0;
}

/* SYMBOL is defined in ELF; its names are set. 0 or -ENOMEM. */
static int add_symbol(struct loader *loader, const GElf_Sym *symbol, Elf *elf,
                      struct cs_symbol entry)
{
	struct cs_symtab *symtab = loader->symtab;
	GElf_Shdr section;
	void *symbols = symtab->symbols;

	entry.rank = rank_of(symbol);
	if (!entry.rank || !gelf_getshdr(elf_getscn(elf, symbol->st_shndx), &section) ||
	    !(section.sh_flags & SHF_EXECINSTR))
		return 0;
	uint64_t end = section.sh_addr + section.sh_size;
	if (entry.address < section.sh_addr || entry.address >= end)
		return 0;
	if (symbol->st_size > end - entry.address)
		return 0;
	if (cs_array_reserve(&symbols, &symtab->room, sizeof(entry), symtab->count + 1))
		return -ENOMEM;
	symtab->symbols = symbols;
	symtab->symbols[symtab->count] = entry;
	uint32_t id = (uint32_t)symtab->count++;
	if (symbol->st_size)
		return cs_spans_add(&symtab->sized, entry.address, entry.address + symbol->st_size,
		                    id);
	return cs_spans_add(&loader->open_ended, entry.address, end, id);
}

/* The symbol table of TYPE in OBJECT; *FOUND when there is one with symbols. */
static int load_section(struct loader *loader, const struct cs_object *object, uint32_t type,
                        bool *found)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	GElf_Sym symbol;
	int error = 0;

	while ((section = elf_nextscn(object->elf, section))) {
		if (!gelf_getshdr(section, &header) || header.sh_type != type || !header.sh_entsize)
			continue;
		Elf_Data *data = elf_getdata(section, NULL);
		for (int i = 1; data && !error && gelf_getsym(data, i, &symbol); i++) {
			struct cs_symbol entry = {.elf = object->elf,
			                          .names = header.sh_link,
			                          .name_offset = symbol.st_name,
			                          .address = symbol.st_value};
			error = add_symbol(loader, &symbol, object->elf, entry);
			*found = true;
		}
	}
	return error;
}

/* ---- .gnu_debugdata: elfutils unpacks it, but only for a Dwfl ---- */

static int give_elf(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
                    char **file_name, Elf **elf)
{
	const struct cs_object *object = *user;

	(void)module;
	(void)base;
	*file_name = strdup(name);
	*elf = elf_begin(object->fd, ELF_C_READ, object->elf); /* one reference more */
	return dup(object->fd);
}

/* NOLINTNEXTLINE(readability-function-size): elfutils' signature */
static int no_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
                        const char *file_name, const char *link, GElf_Word crc, char **debug_name)
{
	(void)module, (void)user, (void)name, (void)base;
	(void)file_name, (void)link, (void)crc, (void)debug_name;
	errno = 0;
	return -1;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = give_elf,
	.find_debuginfo = no_debuginfo,
	.section_address = dwfl_offline_section_address,
};

static int load_mini(struct loader *loader, const struct cs_object *object, bool *found)
{
	struct cs_symtab *symtab = loader->symtab;
	void **user;
	GElf_Addr bias;
	int error = 0;

	symtab->mini = dwfl_begin(&callbacks);
	if (!symtab->mini)
		return 0;
	dwfl_report_begin(symtab->mini);
	Dwfl_Module *module = dwfl_report_module(symtab->mini, "module", object->low, object->high);
	if (!module)
		return 0;
	dwfl_module_info(module, &user, NULL, NULL, NULL, NULL, NULL, NULL);
	*user = (void *)object;
	dwfl_report_end(symtab->mini, NULL, NULL);
	if (!dwfl_module_getelf(module, &bias))
		return 0;
	int count = dwfl_module_getsymtab(module);
	for (int i = 1; i < count && !error; i++) {
		GElf_Sym symbol;
		GElf_Addr address;
		GElf_Word index;
		Elf *elf = NULL;
		const char *name =
			dwfl_module_getsym_info(module, i, &symbol, &address, &index, &elf, NULL);
		if (!name || !elf)
			continue;
		struct cs_symbol entry = {.name = name, .address = address - bias};
		error = add_symbol(loader, &symbol, elf, entry);
		*found = true;
	}
	return error;
}

/* ---- */

/* Each symbol of no size ends where the next symbol of any kind starts. */
static int close_open_ends(struct loader *loader)
{
	struct cs_symtab *symtab = loader->symtab;
	const struct cs_spans *open = &loader->open_ended;
	size_t next = 0;
	int error = 0;

	cs_spans_sort(&loader->open_ended);
	for (size_t i = 0; i < open->count && !error; i++) {
		uint64_t low = open->at[i].low;
		uint64_t high = open->at[i].high;
		while (next < symtab->sized.count && symtab->sized.at[next].low <= low)
			next++;
		if (next < symtab->sized.count && symtab->sized.at[next].low < high)
			high = symtab->sized.at[next].low;
		for (size_t k = i + 1; k < open->count; k++) {
			if (open->at[k].low == low)
				continue;
			if (open->at[k].low < high)
				high = open->at[k].low;
			break;
		}
		error = cs_spans_add(&symtab->unsized, low, high, open->at[i].id);
	}
	cs_spans_sort(&symtab->unsized);
	return error;
}

int cs_symtab_load(struct cs_symtab *symtab, const struct cs_object *object,
                   const struct cs_object *debug)
{
	struct loader loader = {.symtab = symtab};
	bool exported = false;

	*symtab = (struct cs_symtab){0};
	int error = load_section(&loader, object, SHT_SYMTAB, &symtab->complete);
	if (!error && !symtab->complete && debug)
		error = load_section(&loader, debug, SHT_SYMTAB, &symtab->complete);
	if (!error && !symtab->complete && cs_object_section(object, ".gnu_debugdata"))
		error = load_mini(&loader, object, &symtab->complete);
	if (!error && !symtab->complete)
		error = load_section(&loader, object, SHT_DYNSYM, &exported);
	cs_spans_sort(&symtab->sized);
	if (!error && symtab->complete)
		error = close_open_ends(&loader);
	cs_spans_free(&loader.open_ended);
	return error;
}

void cs_symtab_free(struct cs_symtab *symtab)
{
	cs_spans_free(&symtab->sized);
	cs_spans_free(&symtab->unsized);
	free(symtab->symbols);
	if (symtab->mini)
		dwfl_end(symtab->mini);
	*symtab = (struct cs_symtab){0};
}

static size_t underscores(const char *name)
{
	return strspn(name, "_");
}

/* Aliases: "write" rather than "__write", global rather than local, functions before labels. */
static bool better(const struct cs_symbol *a, const struct cs_symbol *b)
{
	const char *a_name = name_of(a);
	const char *b_name = name_of(b);

	if (!a_name || !b_name)
		return a_name != NULL;
	if ((a->rank & 4) != (b->rank & 4))
		return a->rank > b->rank;
	if (underscores(a_name) != underscores(b_name))
		return underscores(a_name) < underscores(b_name);
	if (a->rank != b->rank)
		return a->rank > b->rank;
	return strcmp(a_name, b_name) < 0;
}

static const char *find_in(const struct cs_symtab *symtab, const struct cs_spans *spans,
                           uint64_t address)
{
	ptrdiff_t at = cs_spans_find(spans, address);

	if (at < 0)
		return NULL;
	const struct cs_symbol *best = &symtab->symbols[spans->at[at].id];
	uint64_t low = spans->at[at].low;
	while (at-- > 0 && spans->at[at].low == low) {
		const struct cs_symbol *other = &symtab->symbols[spans->at[at].id];
		if (spans->at[at].high > address && better(other, best))
			best = other;
	}
	const char *name = name_of(best);
	return name && *name ? name : NULL;
}

const char *cs_symtab_find(const struct cs_symtab *symtab, uint64_t address)
{
	const char *name = find_in(symtab, &symtab->sized, address);

	return name ? name : find_in(symtab, &symtab->unsized, address);
}
