/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sampler: which allocations are recorded, and whether a block that is freed was one.
 *
 * Sampled bytes are a Poisson process: the gaps between them are exponential with the
 * session's mean, and an allocation that holds at least one sampled byte is recorded; so a
 * block of SIZE is seen with probability 1 - exp(-SIZE/mean), independent of all others.
 *
 * A free asks a small filter in one load; only when that says "perhaps" the table of live
 * samples. In exact mode the filter says "perhaps" to everything.
 */
#ifndef CSA_HEAP_SAMPLER_H
#define CSA_HEAP_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/thread.h"

/*
 * Counters of live samples by their address' hash. Each sample is counted twice: at its hash
 * masked by CSA_FILTER_FEW, and by all of CSA_FILTER_BYTES. So the mask that is looked through
 * can grow at any time: few samples need few cache lines. In exact mode it is 0, and the
 * counter never is.
 */
#define CSA_FILTER_BYTES (1u << 15)
#define CSA_FILTER_FEW ((1u << 12) - 1)
struct csa_filter {
	_Alignas(64) uint8_t counts[CSA_FILTER_BYTES];
	uint32_t mask;
};
extern struct csa_filter csa_filter __attribute__((visibility("hidden")));

static inline uint32_t csa_filter_hash(const void *block)
{
	return (uint32_t)(uintptr_t)block * UINT32_C(0x9e3779b1) >> 17;
}

/* Perhaps recorded? False is certain. */
static inline bool csa_perhaps_recorded(const void *block)
{
	uint32_t mask = __atomic_load_n(&csa_filter.mask, __ATOMIC_RELAXED);

	return __atomic_load_n(&csa_filter.counts[csa_filter_hash(block) & mask], __ATOMIC_RELAXED);
}

/* The free of BLOCK is to be seen, and no longer. */
void csa_filter_add(const void *block);
void csa_filter_remove(const void *block);

/* Perhaps one of those, in any mode? False is certain. */
static inline bool csa_perhaps_stack(const void *block)
{
	return __atomic_load_n(&csa_filter.counts[csa_filter_hash(block)], __ATOMIC_RELAXED);
}

/*
 * What an allocation of SIZE takes from the gap. A block of 0 counts as 1 byte; one of 2^63 or
 * more can't be had, and must not turn the gap into one that never ends.
 */
static inline int64_t csa_bytes_taken(size_t size)
{
	size &= INT64_MAX;
	return (int64_t)(size + (size < 1));
}

/* Blocks from this size on may become stacks of coroutines; SIZE_MAX: nobody wants to know. */
extern size_t csa_large_bytes __attribute__((visibility("hidden")));

/*
 * Takes SIZE from the thread's gap; true: this call is due, or large. One instruction subtracts
 * and compares: no signal handler comes in between.
 */
static inline bool csa_take_bytes(size_t size)
{
	bool due;

	__asm__ volatile("subq %2, %1"
	                 : "=@ccle"(due), "+m"(csa_tls.bytes_left)
	                 : "er"(csa_bytes_taken(size))
	                 : "cc");
	return __builtin_expect(due, 0) || __builtin_expect(size >= csa_large_bytes, 0);
}

/* Maps the table for a mean of MEAN bytes; SEED 0 draws one. 0 or -errno. */
int csa_sampler_start(uint64_t mean, uint64_t seed);

/* In a forked child: other samples than the parent's. */
void csa_sampler_reseed(void);

/*
 * After csa_take_bytes() said that an allocation of SIZE is due: is it really (the thread may
 * have just begun, or recording be off)? Draws the next gap.
 */
bool csa_sampler_due(size_t size);

/* Remembers BLOCK as recorded and live. False: the table is full. */
bool csa_live_add(const void *block);

/* Was BLOCK recorded and live? It no longer is. */
bool csa_live_remove(const void *block);

#endif
