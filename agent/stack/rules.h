/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwind rules by address: how to get from a frame to its caller.
 *
 * A rule says its kind, where the CFA is (the stack pointer after the return) and where rbp
 * was saved below it, both in words. The return address is always at CFA-8.
 * Rules are cached in one table for all threads, 8 bytes an entry: the low 16 of an address'
 * 47 bits are the index, the others a tag, so an entry never answers for another address.
 * An entry that is in the way moves to its neighbour and says so.
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

/*
 * Low to high: 31 bits tag, 1 displaced, 3 kind, 10 rbp, 19 cfa. The cfa comes out by one
 * shift: everything that a walk waits for hangs on it.
 */
#define CSA_RULE_DISPLACED (UINT64_C(1) << 31)
#define CSA_RULE_TAG_MASK ((UINT64_C(1) << 32) - 1)
#define CSA_RULE_KIND_SHIFT 32
#define CSA_RULE_BP_SHIFT 35
#define CSA_RULE_CFA_SHIFT 45
#define CSA_RULE_CFA_WORDS_MAX 0x7ffffu
#define CSA_RULE_BP_WORDS_MAX 0x3ffu

#define CSA_RULES_COUNT 65536u

/* CFA_WORDS is signed for CSA_RULE_BP_DEREF only. BP_WORDS 0: rbp is as in the callee. */
static inline uint64_t csa_rule(enum csa_rule_kind kind, uint64_t cfa_words, uint64_t bp_words)
{
	return (uint64_t)kind << CSA_RULE_KIND_SHIFT | bp_words << CSA_RULE_BP_SHIFT |
	       cfa_words << CSA_RULE_CFA_SHIFT;
}

/* Only a frame pointer, if there is one, can lead on from here. */
#define CSA_RULE_GUESS csa_rule(CSA_RULE_NONE, 1, 0)

/* The usual frame of code that keeps a frame pointer: rbp points at the saved rbp. */
#define CSA_RULE_FRAME csa_rule(CSA_RULE_BP, 2, 2)

static inline enum csa_rule_kind csa_rule_kind(uint64_t rule)
{
	return (enum csa_rule_kind)(rule >> CSA_RULE_KIND_SHIFT & 7);
}

static inline uint64_t csa_rule_cfa_bytes(uint64_t rule)
{
	return (rule >> CSA_RULE_CFA_SHIFT) * 8;
}

static inline uint64_t csa_rule_cfa_bytes_signed(uint64_t rule)
{
	return (uint64_t)((int64_t)rule >> CSA_RULE_CFA_SHIFT) * 8;
}

static inline uint64_t csa_rule_bp_bytes(uint64_t rule)
{
	return (rule >> CSA_RULE_BP_SHIFT & CSA_RULE_BP_WORDS_MAX) * 8;
}

extern _Atomic uint64_t csa_rules[CSA_RULES_COUNT] __attribute__((visibility("hidden")));

static inline uint64_t csa_rules_tag(uint64_t pc)
{
	return pc >> 16;
}

/* Relaxed: an entry is complete in itself. */
static inline uint64_t csa_rules_at(uint16_t index)
{
	return atomic_load_explicit(&csa_rules[index], memory_order_relaxed);
}

/* The rule of PC (its low half is void), 0 if it is not cached. Async-signal-safe. */
static inline uint64_t csa_rules_find(uint64_t pc)
{
	uint64_t entry = csa_rules_at((uint16_t)pc);

	/* The sign: no address, however broken, looks like a displaced entry. */
	if (__builtin_expect((uint64_t)(int64_t)(int32_t)entry == csa_rules_tag(pc), 1))
		return entry;
	entry = csa_rules_at((uint16_t)pc ^ 1);
	if ((entry & CSA_RULE_TAG_MASK) == (csa_rules_tag(pc) | CSA_RULE_DISPLACED) && !(pc >> 47))
		return entry;
	return 0;
}

/* Ignored for addresses that no program has (47 bits and more). */
void csa_rules_put(uint64_t pc, uint64_t rule);

/* A module has gone. Rules that another thread puts meanwhile are of modules that remain. */
void csa_rules_clear(void);

/* Zeroes page-aligned private memory, without touching pages that were never used. */
void csa_forget_pages(void *start, size_t bytes);

#endif
