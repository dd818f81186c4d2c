/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: each word is 0 or a name that was defined in the stream; threads that write the
 * same word at once lose a name, never make up one.
 */
#include "stack/known.h"

#include "core/sys.h"
#include "stack/rules.h"

struct csa_known csa_known;

int csa_known_start(size_t bytes)
{
	if (csa_known.names) {
		csa_known_clear();
		return 0;
	}
	if (bytes < 4096 || bytes & (bytes - 1))
		return -22; /* EINVAL */
	csa_known.names = csa_map(bytes);
	csa_known.set_mask = bytes / (CSA_KNOWN_WAYS * sizeof(uint64_t)) - 1;
	return csa_known.names ? 0 : -12; /* ENOMEM */
}

void csa_known_add(uint64_t name)
{
	_Atomic uint64_t *set = csa_known_set(name);
	uint64_t newest = name;

	/* The newest comes first and the oldest falls out at the end. */
	for (unsigned i = 0; i < CSA_KNOWN_WAYS; i++) {
		uint64_t old = atomic_load_explicit(&set[i], memory_order_relaxed);

		atomic_store_explicit(&set[i], newest, memory_order_release);
		if (old == 0 || old == name)
			return;
		newest = old;
	}
}

void csa_known_clear(void)
{
	csa_forget_pages((void *)csa_known.names,
	                 (csa_known.set_mask + 1) * CSA_KNOWN_WAYS * sizeof(uint64_t));
}
