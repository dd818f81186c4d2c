/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacks that the reader has been told of, by name. Bounded and lossy: a name may fall
 * out at any time, its stack is then defined again. Shared by all threads, no locks.
 */
#ifndef CSA_STACK_KNOWN_H
#define CSA_STACK_KNOWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSA_KNOWN_WAYS 8u

/*
 * Sets of CSA_KNOWN_WAYS names, each set one cache line; 0: empty. A program with few stacks
 * has only a few pages of them: the first table is small, and when it has filled up by half
 * (`grown`) what comes later goes into the whole one. From then on names are in either.
 */
struct csa_known {
	_Atomic uint64_t *names;
	uint64_t set_mask; /* number of sets - 1 */
	_Atomic uint64_t *first_names;
	uint64_t first_mask;
	_Atomic uint32_t added; /* to the first table */
	_Atomic bool grown;
	_Atomic uint64_t newest; /* no record that defines one of them is stamped later */
};

extern struct csa_known csa_known __attribute__((visibility("hidden")));

/* BYTES is a power of two, at least 4096. The second time: only forgets. 0 or -errno. */
int csa_known_start(size_t bytes);

static inline bool csa_known_in(const _Atomic uint64_t *names, uint64_t mask, uint64_t name)
{
	const _Atomic uint64_t *set = names + (name & mask) * CSA_KNOWN_WAYS;

	for (unsigned i = 0; i < CSA_KNOWN_WAYS; i++)
		if (atomic_load_explicit(&set[i], memory_order_acquire) == name)
			return true;
	return false;
}

/* Async-signal-safe. Acquire pairs with csa_known_add(): our next record is the later one. */
static inline bool csa_known_has(uint64_t name)
{
	if (csa_known_in(csa_known.first_names, csa_known.first_mask, name))
		return true;
	return atomic_load_explicit(&csa_known.grown, memory_order_relaxed) &&
	       csa_known_in(csa_known.names, csa_known.set_mask, name);
}

/*
 * Only after the record that defines NAME has been committed, and csa_known_until() was called
 * with its stamp: so whoever gets hold of a name sees that stamp or a later one.
 */
void csa_known_add(uint64_t name);
void csa_known_until(uint64_t stamp);

/*
 * Whether what is stamped with STAMP may refer to a name that the caller has just got hold of:
 * a record that was stamped before its stack was looked for may be older than the definition.
 */
static inline bool csa_known_before(uint64_t stamp)
{
	return atomic_load_explicit(&csa_known.newest, memory_order_relaxed) < stamp;
}

void csa_known_clear(void);

#endif
