/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbol look-up in the DT_GNU_HASH tables of the loaded modules, in the order of the
 * loader's list, which for what was loaded at start is the order of symbol search.
 */
#include "core/lookup.h"

#include <elf.h>
#include <stddef.h>

#define VERSION_HIDDEN 0x8000u

const struct link_map *csa_lookup_first(void)
{
	return _r_debug.r_map;
}

const struct link_map *csa_lookup_self(void)
{
	const struct link_map *module = csa_lookup_first();

	while (module && module->l_ld != _DYNAMIC)
		module = module->l_next;
	return module;
}

/* The loader relocates these pointers in place, except in the vDSO and on a few systems. */
static const void *pointer(const struct link_map *module, ElfW(Addr) value)
{
	return (const void *)(value < module->l_addr ? value + module->l_addr : value);
}

void csa_lookup_dynamic(const struct link_map *module, struct csa_dynamic *out)
{
	*out = (struct csa_dynamic){0};
	for (const ElfW(Dyn) *d = module->l_ld; d && d->d_tag != DT_NULL; d++) {
		const void *where = pointer(module, d->d_un.d_ptr);

		switch (d->d_tag) {
		case DT_SYMTAB:
			out->symbols = where;
			break;
		case DT_STRTAB:
			out->strings = where;
			break;
		case DT_GNU_HASH:
			out->gnu_hash = where;
			break;
		case DT_VERSYM:
			out->versions = where;
			break;
		case DT_RELA:
			out->rela = where;
			break;
		case DT_JMPREL:
			out->jmprel = where;
			break;
		case DT_RELASZ:
			out->rela_bytes = d->d_un.d_val;
			break;
		case DT_PLTRELSZ:
			out->jmprel_bytes = d->d_un.d_val;
			break;
		case DT_PLTREL:
			out->jmprel_is_rela = d->d_un.d_val == DT_RELA;
			break;
		default:
			break;
		}
	}
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static const ElfW(Sym) * find(const struct csa_dynamic *dynamic, const char *name, uint32_t hash)
{
	const uint32_t *table = dynamic->gnu_hash;

	if (!table || !dynamic->symbols || !dynamic->strings || table[0] == 0)
		return NULL;
	uint32_t bucket_count = table[0], first = table[1], bloom_words = table[2];
	const uint32_t *buckets = table + 4 + bloom_words * 2;
	const uint32_t *chain = buckets + bucket_count;
	uint32_t index = buckets[hash % bucket_count];

	if (index < first)
		return NULL;
	for (;; index++) {
		uint32_t entry = chain[index - first];
		const ElfW(Sym) *symbol = &dynamic->symbols[index];
		bool hidden = dynamic->versions && (dynamic->versions[index] & VERSION_HIDDEN);

		if ((entry | 1) == (hash | 1) && symbol->st_shndx != SHN_UNDEF && !hidden &&
		    same(dynamic->strings + symbol->st_name, name))
			return symbol;
		if (entry & 1)
			return NULL;
	}
}

static void *resolve(const struct link_map *skip, const char *name, const struct link_map **owner)
{
	uint32_t hash = gnu_hash(name);

	for (const struct link_map *m = csa_lookup_first(); m; m = m->l_next) {
		struct csa_dynamic dynamic;
		const ElfW(Sym) * symbol;

		if (m == skip)
			continue;
		csa_lookup_dynamic(m, &dynamic);
		symbol = find(&dynamic, name, hash);
		if (!symbol)
			continue;
		uintptr_t address = m->l_addr + symbol->st_value;

		if (ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC)
			address = ((uintptr_t(*)(void))address)();
		if (owner)
			*owner = m;
		return (void *)address;
	}
	return NULL;
}

void *csa_lookup(const char *name)
{
	return resolve(NULL, name, NULL);
}

void *csa_lookup_next(const char *name)
{
	return resolve(csa_lookup_self(), name, NULL);
}

const struct link_map *csa_lookup_owner(const char *name)
{
	const struct link_map *owner = NULL;

	resolve(csa_lookup_self(), name, &owner);
	return owner;
}

struct range_query {
	const struct link_map *module;
	uintptr_t low, high;
};

static int match_range(struct dl_phdr_info *info, size_t size, void *context)
{
	struct range_query *query = context;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_DYNAMIC &&
		    info->dlpi_addr + p->p_vaddr != (uintptr_t)query->module->l_ld)
			return 0;
	}
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD)
			continue;
		if (!query->high || start < query->low)
			query->low = start;
		if (start + p->p_memsz > query->high)
			query->high = start + p->p_memsz;
	}
	return 1;
}

bool csa_lookup_range(const struct link_map *module, uintptr_t *low, uintptr_t *high)
{
	struct range_query query = {.module = module};

	if (!module || !dl_iterate_phdr(match_range, &query) || !query.high)
		return false;
	*low = query.low;
	*high = query.high;
	return true;
}
