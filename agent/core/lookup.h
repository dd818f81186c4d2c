/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbols of the loaded modules, found in their own tables: unlike dlsym it allocates
 * nothing, takes no lock, and needs no symbol version that an older libc lacks.
 *
 * Safe while no module is being unloaded: at start, and for symbols of libraries that stay.
 */
#ifndef CSA_CORE_LOOKUP_H
#define CSA_CORE_LOOKUP_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

/* The default version of NAME in the first module that defines it; NULL nowhere. */
void *csa_lookup(const char *name);

/* The same in any module but the agent itself: what the program would have called. */
void *csa_lookup_next(const char *name);

/* The first module that defines NAME, the agent left out; NULL none. */
const struct link_map *csa_lookup_owner(const char *name);

/* Address range of MODULE's loaded segments; false when it can't be told. */
bool csa_lookup_range(const struct link_map *module, uintptr_t *low, uintptr_t *high);

/* All modules in search order. */
const struct link_map *csa_lookup_first(void);

/* The agent's own module. */
const struct link_map *csa_lookup_self(void);

/* What lookups need of a module's dynamic section. */
struct csa_dynamic {
	const ElfW(Sym) * symbols;
	const char *strings;
	const uint32_t *gnu_hash;
	const ElfW(Half) * versions;
	const ElfW(Rela) * rela;
	const ElfW(Rela) * jmprel;
	uint64_t rela_bytes;
	uint64_t jmprel_bytes;
	bool jmprel_is_rela;
};

void csa_lookup_dynamic(const struct link_map *module, struct csa_dynamic *out);

#endif
