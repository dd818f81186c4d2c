/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loaded modules and their symbols, found in their own tables: unlike dlsym this
 * allocates nothing and needs no symbol version that an older libc lacks.
 *
 * Modules are visited through the loader (loader.h), so none is unloaded meanwhile; it holds the
 * loader's lock as a C++ exception does, so none of this belongs on a hot path or into a
 * signal handler.
 */
#ifndef CSA_CORE_LOOKUP_H
#define CSA_CORE_LOOKUP_H

#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What is known of a module. Addresses are those of the running process. */
struct csa_image {
	uintptr_t bias;
	uintptr_t low, high;             /* its loaded segments */
	uintptr_t relro_low, relro_high; /* read-only since it was relocated */
	const char *name;                /* the loader's, as long as it is loaded */
	uint64_t loads, unloads;         /* of modules, ever: the same for all of one visit */
	bool is_program;                 /* the executable itself */
	bool is_agent;
	const Elf64_Sym *symbols;
	const char *strings;
	const uint32_t *gnu_hash;
	const Elf64_Half *versions;
	const Elf64_Verneed *needed;
	const Elf64_Verdef *defined;
	const Elf64_Rela *rela;
	const Elf64_Rela *jmprel;
	uint64_t rela_bytes;
	uint64_t jmprel_bytes;
};

/* Calls VISIT for each module in the order of symbol search, until it returns true. */
typedef bool csa_image_visit(const struct csa_image *image, void *context);
bool csa_lookup_each(csa_image_visit *visit, void *context);

/*
 * What was found in a module, or where one lies, holds as long as this is what it was before it
 * was looked for: 1 and how often dlclose has returned.
 */
extern _Atomic uint64_t csa_unloads __attribute__((visibility("hidden")));

/* The default version of NAME in the first module that defines it; NULL nowhere. */
void *csa_lookup(const char *name);

/* The same in any module but the agent: what the program would have called without us. */
void *csa_lookup_next(const char *name);

/* NAME as IMAGE defines it; NULL: it does not. */
void *csa_lookup_in(const struct csa_image *image, const char *name);

/* The code of the function NAME of IMAGE is [*LOW, *HIGH); false: it has none. */
bool csa_lookup_code(const struct csa_image *image, const char *name, uintptr_t *low,
                     uintptr_t *high);

/*
 * Hash of the version in which IMAGE defines NAME; or in which it wants it, if it does not define
 * it. 0: in none. The second looks at all symbols that it does not define.
 */
uint32_t csa_lookup_defined_version(const struct csa_image *image, const char *name);
uint32_t csa_lookup_wanted_version(const struct csa_image *image, const char *name);

/* Whether IS_ONE is true of a name that IMAGE wants of others; also where its tables don't tell. */
bool csa_lookup_wants(const struct csa_image *image,
                      bool (*is_one)(const void *context, const char *name), const void *context);

/* The exported function of IMAGE at ADDRESS, or the nearest one before it; NULL: none. Looks at
 * all symbols. */
const char *csa_lookup_name(const struct csa_image *image, uintptr_t address);

/*
 * The first module but the agent that defines NAME; false: none. It may be unloaded as soon as this
 * returns: its tables and name are to be read inside csa_lookup_each(), or if it is known to stay.
 */
bool csa_lookup_owner(const char *name, struct csa_image *owner);

#endif
