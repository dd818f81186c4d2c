/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the dynamic loader knows about the object that holds an address.
 *
 * Asks glibc's _dl_find_object, which takes no lock, where there is one (2.35 and later);
 * else dl_iterate_phdr, which does: so never call in here while something of ours is held
 * that another thread may wait for without bound. Runs on the agent's own stack.
 */
#ifndef CSA_STACK_OBJECT_H
#define CSA_STACK_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/cfi.h"

#define CSA_BUILD_ID_MAX 32

struct csa_object {
	uint64_t start; /* of its executable mappings */
	uint64_t end;
	uint64_t bias;
	const char *name; /* the loader's, "" for the program; only while it stays loaded */
	uint64_t name_hash;
	struct csa_cfi cfi;
	uint8_t build_id[CSA_BUILD_ID_MAX];
	uint32_t build_id_bytes;
};

/* Once, outside of all hooks, before anything else in here. */
void csa_object_start(bool find_object);

/*
 * Fills *OBJECT with what has code at ADDRESS; false: nothing that the loader knows. It must not be
 * unloaded meanwhile: it has a frame on the stack of who asks, or who asks has the loader's lock.
 */
bool csa_object_find(uint64_t address, struct csa_object *object);

/*
 * The absolute path of OBJECT, which is still loaded, as the process sees it; "[vdso]" for
 * that; "" if it can't be known. NUL-terminated; returns its length.
 */
size_t csa_object_path(const struct csa_object *object, char *path, size_t bytes);

#endif
