/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbol look-up in the DT_GNU_HASH tables of the loaded modules, in the loader's order,
 * which for what was loaded at start is the order of symbol search.
 */
#include "core/lookup.h"

#include <elf.h>
#include <stddef.h>

#include "core/loader.h"

#define VERSION_HIDDEN 0x8000u
#define PAGE_MASK (~UINT64_C(4095))

_Atomic uint64_t csa_unloads = 1;

/* ---- from program headers to an image ---- */

/* The loader relocates these pointers in place, except in the vDSO. */
static const void *pointer(const struct csa_image *image, Elf64_Addr value)
{
	return (const void *)(value < image->bias ? value + image->bias : value);
}

static void read_dynamic(struct csa_image *image, const Elf64_Dyn *d)
{
	for (; d->d_tag != DT_NULL; d++) {
		const void *where = pointer(image, d->d_un.d_ptr);

		switch (d->d_tag) {
		case DT_SYMTAB:
			image->symbols = where;
			break;
		case DT_STRTAB:
			image->strings = where;
			break;
		case DT_GNU_HASH:
			image->gnu_hash = where;
			break;
		case DT_VERSYM:
			image->versions = where;
			break;
		case DT_VERNEED:
			image->needed = where;
			break;
		case DT_VERDEF:
			image->defined = where;
			break;
		case DT_RELA:
			image->rela = where;
			break;
		case DT_JMPREL:
			image->jmprel = where;
			break;
		case DT_RELASZ:
			image->rela_bytes = d->d_un.d_val;
			break;
		case DT_PLTRELSZ:
			image->jmprel_bytes = d->d_un.d_val;
			break;
		default:
			break;
		}
	}
}

static void read_segment(struct csa_image *image, const Elf64_Phdr *p)
{
	uintptr_t start = image->bias + p->p_vaddr, end = start + p->p_memsz;

	if (p->p_type == PT_LOAD) {
		if (!image->high || start < image->low)
			image->low = start;
		if (end > image->high)
			image->high = end;
	} else if (p->p_type == PT_GNU_RELRO) {
		image->relro_low = start & PAGE_MASK;
		image->relro_high = end & PAGE_MASK;
	} else if (p->p_type == PT_DYNAMIC) {
		read_dynamic(image, (const Elf64_Dyn *)start);
	}
}

struct walk {
	csa_image_visit *visit;
	void *context;
	bool first;
};

static int look_at(struct dl_phdr_info *info, size_t size, void *context)
{
	struct walk *walk = context;
	struct csa_image image = {
		.bias = info->dlpi_addr,
		.name = info->dlpi_name ? info->dlpi_name : "",
		.loads = info->dlpi_adds,
		.unloads = info->dlpi_subs,
		.is_program = walk->first,
	};
	uintptr_t here = (uintptr_t)look_at;

	(void)size;
	walk->first = false;
	for (int i = 0; i < info->dlpi_phnum; i++)
		read_segment(&image, &info->dlpi_phdr[i]);
	image.is_agent = here >= image.low && here < image.high;
	return walk->visit(&image, walk->context);
}

bool csa_lookup_each(csa_image_visit *visit, void *context)
{
	struct walk walk = {visit, context, true};

	return csa_loader_each(look_at, &walk) != 0;
}

/* ---- symbols ---- */

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

static const Elf64_Sym *find(const struct csa_image *image, const char *name, uint32_t hash)
{
	const uint32_t *table = image->gnu_hash;

	if (!table || !image->symbols || !image->strings || table[0] == 0)
		return NULL;
	uint32_t bucket_count = table[0], first = table[1], bloom_words = table[2];
	const uint64_t *bloom = (const uint64_t *)(table + 4);
	const uint32_t *buckets = table + 4 + bloom_words * 2;
	const uint32_t *chain = buckets + bucket_count;
	uint64_t maybe = bloom[hash / 64 & (bloom_words - 1)];
	uint32_t index = buckets[hash % bucket_count];

	if (!(maybe >> hash % 64 & maybe >> (hash >> table[3]) % 64 & 1) || index < first)
		return NULL;
	for (;; index++) {
		uint32_t entry = chain[index - first];
		const Elf64_Sym *symbol = &image->symbols[index];
		bool hidden = image->versions && (image->versions[index] & VERSION_HIDDEN);

		if ((entry | 1) == (hash | 1) && symbol->st_shndx != SHN_UNDEF && !hidden &&
		    same(image->strings + symbol->st_name, name))
			return symbol;
		if (entry & 1)
			return NULL;
	}
}

struct query {
	const char *name;
	uint32_t hash;
	bool skip_agent;
	void *found;
	struct csa_image owner;
};

static bool search(const struct csa_image *image, void *context)
{
	struct query *query = context;
	const Elf64_Sym *symbol;

	if (query->skip_agent && image->is_agent)
		return false;
	symbol = find(image, query->name, query->hash);
	if (!symbol)
		return false;
	uintptr_t address = image->bias + symbol->st_value;

	if (ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC)
		address = ((uintptr_t(*)(void))address)();
	query->found = (void *)address;
	query->owner = *image;
	return true;
}

void *csa_lookup(const char *name)
{
	struct query query = {.name = name, .hash = gnu_hash(name)};

	csa_lookup_each(search, &query);
	return query.found;
}

void *csa_lookup_next(const char *name)
{
	struct query query = {.name = name, .hash = gnu_hash(name), .skip_agent = true};

	csa_lookup_each(search, &query);
	return query.found;
}

void *csa_lookup_in(const struct csa_image *image, const char *name)
{
	const Elf64_Sym *symbol = find(image, name, gnu_hash(name));

	return symbol ? (void *)(image->bias + symbol->st_value) : NULL;
}

bool csa_lookup_code(const struct csa_image *image, const char *name, uintptr_t *low,
                     uintptr_t *high)
{
	const Elf64_Sym *symbol = find(image, name, gnu_hash(name));

	if (!symbol)
		return false;
	*low = image->bias + symbol->st_value;
	*high = *low + symbol->st_size;
	return true;
}

bool csa_lookup_owner(const char *name, struct csa_image *owner)
{
	struct query query = {.name = name, .hash = gnu_hash(name), .skip_agent = true};

	csa_lookup_each(search, &query);
	*owner = query.owner;
	return query.found != NULL;
}

/* One more than the last symbol that is defined: what is exported comes last. */
static uint32_t symbol_count(const uint32_t *table)
{
	uint32_t first = table[1], last = 0;
	const uint32_t *buckets = table + 4 + (size_t)table[2] * 2;
	const uint32_t *chain = buckets + table[0];

	for (uint32_t i = 0; i < table[0]; i++)
		if (buckets[i] > last)
			last = buckets[i];
	if (last < first)
		return 0;
	while (!(chain[last - first] & 1))
		last++;
	return last + 1;
}

const char *csa_lookup_name(const struct csa_image *image, uintptr_t address)
{
	const uint32_t *table = image->gnu_hash;
	uint64_t offset = address - image->bias;
	const Elf64_Sym *nearest = NULL;

	if (!table || !image->symbols || !image->strings || address < image->low ||
	    address >= image->high)
		return NULL;
	for (uint32_t i = table[1], end = symbol_count(table); i < end; i++) {
		const Elf64_Sym *symbol = &image->symbols[i];

		if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_value <= offset &&
		    (!nearest || symbol->st_value > nearest->st_value))
			nearest = symbol;
	}
	return nearest ? image->strings + nearest->st_name : NULL;
}

/* ---- versions ---- */

#define VERSION_MASK 0x7fffu
#define VERSION_FIRST 2 /* below: local, and without a version */

uint32_t csa_lookup_defined_version(const struct csa_image *image, const char *name)
{
	const Elf64_Sym *symbol = find(image, name, gnu_hash(name));
	const Elf64_Verdef *defined = image->defined;
	uint32_t wanted;

	if (!symbol || !image->versions || !defined)
		return 0;
	wanted = image->versions[symbol - image->symbols] & VERSION_MASK;
	while (wanted >= VERSION_FIRST && defined->vd_ndx != wanted) {
		if (!defined->vd_next)
			return 0;
		defined = (const Elf64_Verdef *)((const char *)defined + defined->vd_next);
	}
	return wanted >= VERSION_FIRST ? defined->vd_hash : 0;
}

static uint32_t needed_hash(const struct csa_image *image, uint32_t wanted)
{
	const Elf64_Verneed *needed = image->needed;

	for (;;) {
		const Elf64_Vernaux *each =
			(const Elf64_Vernaux *)((const char *)needed + needed->vn_aux);

		for (uint32_t i = 0; i < needed->vn_cnt; i++) {
			if (each->vna_other == wanted)
				return each->vna_hash;
			each = (const Elf64_Vernaux *)((const char *)each + each->vna_next);
		}
		if (!needed->vn_next)
			return 0;
		needed = (const Elf64_Verneed *)((const char *)needed + needed->vn_next);
	}
}

uint32_t csa_lookup_wanted_version(const struct csa_image *image, const char *name)
{
	const uint32_t *table = image->gnu_hash;

	if (!table || !image->symbols || !image->strings || !image->versions || !image->needed)
		return 0;
	/* What an image does not define comes before what is found by hash. */
	for (uint32_t i = 1; i < table[1]; i++) {
		uint32_t wanted = image->versions[i] & VERSION_MASK;

		if (image->symbols[i].st_shndx == SHN_UNDEF &&
		    same(image->strings + image->symbols[i].st_name, name))
			return wanted >= VERSION_FIRST ? needed_hash(image, wanted) : 0;
	}
	return 0;
}

bool csa_lookup_wants(const struct csa_image *image,
                      bool (*is_one)(const void *context, const char *name), const void *context)
{
	const uint32_t *table = image->gnu_hash;

	if (!table || !image->symbols || !image->strings)
		return true;
	for (uint32_t i = 1; i < table[1]; i++)
		if (image->symbols[i].st_shndx == SHN_UNDEF &&
		    is_one(context, image->strings + image->symbols[i].st_name))
			return true;
	return false;
}
