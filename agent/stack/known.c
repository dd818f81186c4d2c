/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: each word is 0 or a name that was defined in the stream; threads that write the
 * same word at once lose a name, never make up one.
 */
#include "stack/known.h"

#include "core/sys.h"
#include "stack/rules.h"

#define FIRST_BYTES (UINT64_C(256) << 10)

struct csa_known csa_known;

static uint64_t bytes_of(uint64_t mask)
{
	return (mask + 1) * CSA_KNOWN_WAYS * sizeof(uint64_t);
}

static uint64_t mask_of(uint64_t bytes)
{
	return bytes / (CSA_KNOWN_WAYS * sizeof(uint64_t)) - 1;
}

/* If the whole table is small, it is the first one as well. */
int csa_known_start(size_t bytes)
{
	if (csa_known.names) {
		csa_known_clear();
		return 0;
	}
	if (bytes < 4096 || bytes & (bytes - 1))
		return -22; /* EINVAL */
	csa_known.names = csa_map(bytes);
	csa_known.set_mask = mask_of(bytes);
	csa_known.first_names = bytes > FIRST_BYTES ? csa_map(FIRST_BYTES) : csa_known.names;
	csa_known.first_mask = bytes > FIRST_BYTES ? mask_of(FIRST_BYTES) : csa_known.set_mask;
	return csa_known.names && csa_known.first_names ? 0 : -12; /* ENOMEM */
}

static void add(_Atomic uint64_t *set, uint64_t name)
{
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

void csa_known_add(uint64_t name)
{
	if (csa_known.first_mask == csa_known.set_mask ||
	    !atomic_load_explicit(&csa_known.grown, memory_order_relaxed)) {
		add(csa_known.first_names + (name & csa_known.first_mask) * CSA_KNOWN_WAYS, name);
		if (atomic_fetch_add_explicit(&csa_known.added, 1, memory_order_relaxed) >=
		    FIRST_BYTES / sizeof(uint64_t) / 2)
			atomic_store_explicit(&csa_known.grown, true, memory_order_relaxed);
		return;
	}
	add(csa_known.names + (name & csa_known.set_mask) * CSA_KNOWN_WAYS, name);
}

void csa_known_until(uint64_t stamp)
{
	uint64_t newest = atomic_load_explicit(&csa_known.newest, memory_order_relaxed);

	while (newest < stamp &&
	       !atomic_compare_exchange_weak_explicit(&csa_known.newest, &newest, stamp,
	                                              memory_order_relaxed, memory_order_relaxed))
		;
}

void csa_known_clear(void)
{
	csa_forget_pages((void *)csa_known.names, bytes_of(csa_known.set_mask));
	csa_forget_pages((void *)csa_known.first_names, bytes_of(csa_known.first_mask));
	atomic_store_explicit(&csa_known.added, 0, memory_order_relaxed);
	atomic_store_explicit(&csa_known.grown, false, memory_order_relaxed);
}
