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

struct csa_known {
	_Atomic uint64_t *names; /* sets of CSA_KNOWN_WAYS, each one cache line; 0: empty */
	uint64_t set_mask;       /* number of sets - 1 */
};

extern struct csa_known csa_known __attribute__((visibility("hidden")));

/* BYTES is a power of two, at least 4096. The second time: only forgets. 0 or -errno. */
int csa_known_start(size_t bytes);

static inline _Atomic uint64_t *csa_known_set(uint64_t name)
{
	return csa_known.names + (name & csa_known.set_mask) * CSA_KNOWN_WAYS;
}

/* Async-signal-safe. Acquire pairs with csa_known_add(): our next record is the later one. */
static inline bool csa_known_has(uint64_t name)
{
	const _Atomic uint64_t *set = csa_known_set(name);

	for (unsigned i = 0; i < CSA_KNOWN_WAYS; i++)
		if (atomic_load_explicit(&set[i], memory_order_acquire) == name)
			return true;
	return false;
}

/* Only after the record that defines NAME has been committed. */
void csa_known_add(uint64_t name);

void csa_known_clear(void);

#endif
