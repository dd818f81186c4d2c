/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwind rules by address: how to get from a frame to its caller.
 *
 * A rule is 33 bits: its kind, where the CFA is (the stack pointer after the return) and
 * where rbp was saved below it, both in words. The return address is always at CFA-8.
 * Rules are cached in one table for all threads, 8 bytes an entry. The 47 bits of an address
 * are split into a 16-bit index and the 31-bit tag in such a way that both together give
 * the address back: an entry never answers for another address.
 *
 * Addresses are return addresses; the rule is that of the byte before. An interrupted
 * instruction, which a signal frame leads to, is looked up as its address plus one.
 */
#ifndef CSA_STACK_RULES_H
#define CSA_STACK_RULES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum csa_rule_kind {
	CSA_RULE_EMPTY = 0,
	CSA_RULE_SP = 1,       /* CFA = rsp + cfa */
	CSA_RULE_BP = 2,       /* CFA = rbp + cfa */
	CSA_RULE_BP_DEREF = 3, /* CFA = *(rbp + cfa), rbp saved at *rbp: a realigned stack */
	CSA_RULE_SP_LOST = 4,  /* CFA = rsp + cfa; the caller's rbp can't be known */
	CSA_RULE_SIGNAL = 5,   /* the kernel's signal frame starts at rsp */
	CSA_RULE_END = 6,      /* the outermost frame */
	CSA_RULE_NONE = 7      /* no way on; cfa = 1: there is no unwind information at all */
};

#define CSA_RULE_CFA_WORDS_MAX 0xfffffu
#define CSA_RULE_BP_WORDS_MAX 0x3ffu

#define CSA_RULE_TAG_SHIFT 33
#define CSA_RULES_COUNT 65536u

/* CFA_WORDS is signed for CSA_RULE_BP_DEREF only. BP_WORDS 0: rbp is as in the callee. */
static inline uint64_t csa_rule(enum csa_rule_kind kind, uint64_t cfa_words, uint64_t bp_words)
{
	return (uint64_t)kind | bp_words << 3 | (cfa_words & CSA_RULE_CFA_WORDS_MAX) << 13;
}

/* Only a frame pointer, if there is one, can lead on from here. */
#define CSA_RULE_GUESS csa_rule(CSA_RULE_NONE, 1, 0)

static inline enum csa_rule_kind csa_rule_kind(uint64_t rule)
{
	return (enum csa_rule_kind)(rule & 7);
}

static inline uint64_t csa_rule_cfa_bytes(uint64_t rule)
{
	return rule >> 10 & (uint64_t)CSA_RULE_CFA_WORDS_MAX << 3;
}

static inline uint64_t csa_rule_cfa_bytes_signed(uint64_t rule)
{
	return (uint64_t)((int64_t)(rule << 31) >> 44) << 3;
}

static inline uint64_t csa_rule_bp_bytes(uint64_t rule)
{
	return rule & (uint64_t)CSA_RULE_BP_WORDS_MAX << 3;
}

extern _Atomic uint64_t csa_rules[CSA_RULES_COUNT] __attribute__((visibility("hidden")));

static inline uint16_t csa_rules_index(uint64_t pc)
{
	return (uint16_t)(pc ^ pc >> 16);
}

/*
 * The rule of PC, 0 if it is not cached. Async-signal-safe. Relaxed: an entry is complete in
 * itself.
 */
static inline uint64_t csa_rules_find(uint64_t pc)
{
	uint64_t entry = atomic_load_explicit(&csa_rules[csa_rules_index(pc)], memory_order_relaxed);

	if (entry >> CSA_RULE_TAG_SHIFT != pc >> 16)
		return 0;
	return entry & (((uint64_t)1 << CSA_RULE_TAG_SHIFT) - 1);
}

/* Ignored for addresses that no program has (47 bits and more). */
void csa_rules_put(uint64_t pc, uint64_t rule);

/* A module has gone. Rules that another thread puts meanwhile are of modules that remain. */
void csa_rules_clear(void);

/* Zeroes page-aligned private memory, without touching pages that were never used. */
void csa_forget_pages(void *start, size_t bytes);

#endif
