/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of unwind rules. Invariant: an entry is 0, or the rule of just the address that
 * its place and its low half spell; so threads may overwrite each other at any time.
 */
#include "stack/rules.h"

#include <linux/mman.h>

#include "core/sys.h"

_Atomic uint64_t csa_rules[CSA_RULES_COUNT] __attribute__((aligned(4096)));

void csa_rules_put(uint64_t pc, uint64_t rule)
{
	uint16_t index = (uint16_t)pc;
	uint64_t tag = csa_rules_tag(pc);
	uint64_t old = csa_rules_at(index);

	if (pc >> 47)
		return;
	if (old && !(old & CSA_RULE_DISPLACED) && (old & CSA_RULE_TAG_MASK) != tag)
		atomic_store_explicit(&csa_rules[index ^ 1], old | CSA_RULE_DISPLACED,
		                      memory_order_relaxed);
	atomic_store_explicit(&csa_rules[index], (rule & ~CSA_RULE_TAG_MASK) | tag,
	                      memory_order_relaxed);
}

void csa_rules_clear(void)
{
	csa_forget_pages((void *)csa_rules, sizeof(csa_rules));
}

void csa_forget_pages(void *start, size_t bytes)
{
	_Atomic uint64_t *words = start;

	if (csa_sys3(SYS_madvise, start, bytes, MADV_DONTNEED) == 0)
		return;
	/* Refused for locked memory. */
	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		atomic_store_explicit(&words[i], 0, memory_order_relaxed);
}
