/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recognising stacks: what runs for every recorded allocation, in one piece. A processor
 * remembers where the last calls return to, but not many: calls of ours that go deep make the
 * program's own returns slow.
 *
 * Invariant: nothing is read that is not on the stack [low, high), at or above the stack
 * pointer and 8-aligned.
 */
#ifndef CSA_STACK_RECOGNISE_H
#define CSA_STACK_RECOGNISE_H

#include <stddef.h>

#include "stack/known.h"
#include "stack/memo.h"
#include "stack/rules.h"
#include "stack/walk.h"
#include "wire/record.h"

/* The program's stack is read across its variables, which AddressSanitizer would forbid. */
#define CSA_RAW __attribute__((no_sanitize("address")))
#define CSA_RAW_INLINE CSA_RAW __attribute__((always_inline)) static inline
#define CSA_RARE(x) __builtin_expect(!!(x), 0)

CSA_RAW_INLINE uint64_t csa_raw_load(uint64_t address)
{
	return *(const uint64_t *)address;
}

static inline uint64_t csa_memo_word(const _Atomic uint64_t *words, unsigned i)
{
	return atomic_load_explicit(&words[i], memory_order_relaxed);
}

/* ---- sums ---- */

/* The halves are summed without carry, which tells as much. In assembly, for few registers. */
static inline void csa_memo_add_product(struct csa_memo_sum *sum, uint64_t a, uint64_t b)
{
	__asm__("mulq %3\n\taddq %%rax, %0\n\taddq %%rdx, %1"
	        : "+r"(sum->low), "+r"(sum->high), "+a"(a)
	        : "r"(b)
	        : "rdx", "cc");
}

/* Words by keys, two and two: NH. BASE is taken from each word first. */
CSA_RAW_INLINE void csa_memo_add_slots(struct csa_memo_sum *sum, const uint16_t *slot,
                                       uint64_t words, uint64_t sp, uint64_t base,
                                       const uint64_t *key)
{
	for (const uint16_t *end = slot + words * 4; slot != end; slot += 4, key += 4)
		for (unsigned i = 0; i < 4; i += 2)
			csa_memo_add_product(
				sum, csa_raw_load(sp + slot[i] * UINT64_C(8)) - base + key[i],
				csa_raw_load(sp + slot[i + 1] * UINT64_C(8)) - base + key[i + 1]);
}

/*
 * The return addresses of a chain of frame pointers, two and two, and whether each link leads
 * to the next: where the last one does is not asked.
 */
CSA_RAW_INLINE void csa_memo_add_chain(struct csa_memo_sum *sum, const uint16_t *slot,
                                       uint64_t frames, const struct csa_frame *at)
{
	const uint64_t *key = csa_memo.keys + 2;
	uint64_t link = at->bp, sp = at->sp;

	for (const uint16_t *end = slot + frames; slot != end; slot += 2, key += 2) {
		uint64_t first = sp + slot[0] * UINT64_C(8), second = sp + slot[1] * UINT64_C(8);

		sum->wrong |= (link ^ first) | (csa_raw_load(first) ^ second);
		csa_memo_add_product(sum, csa_raw_load(first + 8) + key[0],
		                     csa_raw_load(second + 8) + key[1]);
		link = csa_raw_load(second);
	}
}

/* The sum of what is found at AT through a shape's SLOTS, which all are on the stack. */
CSA_RAW_INLINE struct csa_memo_sum csa_memo_sum(const uint64_t *slots, uint64_t counts,
                                                const struct csa_frame *at)
{
	uint64_t chain = CSA_COUNTS_CHAIN_WORDS(counts), pcs = CSA_COUNTS_PCS(counts);
	uint64_t others = CSA_COUNTS_OTHERS(counts);
	const uint16_t *slot = (const uint16_t *)slots;
	struct csa_memo_sum sum = {0, 0, 0};

	if (CSA_COUNTS_BP(counts))
		csa_memo_add_product(&sum, at->bp - at->sp + csa_memo.keys[0], csa_memo.keys[1]);
	csa_memo_add_chain(&sum, slot, CSA_COUNTS_CHAIN(counts), at);
	csa_memo_add_slots(&sum, slot + chain * 4, pcs, at->sp, 0, csa_memo.keys + 2 + chain * 4);
	if (others)
		csa_memo_add_slots(&sum, slot + (chain + pcs) * 4, others, at->sp, at->sp,
		                   csa_memo.keys + 2 + (chain + pcs) * 4);
	return sum;
}

/* The CSA_MEMO_STACK_WAYS places for what has KEY. */
static inline struct csa_memo_stack *csa_memo_stacks(uint64_t key)
{
	uint64_t mask = atomic_load_explicit(&csa_memo.set_mask, memory_order_relaxed);

	return csa_memo.stacks + (key >> 32 & mask) * CSA_MEMO_STACK_WAYS;
}

/* The name of the stack that has KEY, or 0. */
static inline uint64_t csa_memo_find_stack(uint64_t key)
{
	struct csa_memo_stack *stack = csa_memo_stacks(key), *end = stack + CSA_MEMO_STACK_WAYS;

	for (; stack != end; stack++) {
		uint64_t name = atomic_load_explicit(&stack->name, memory_order_acquire);

		if ((csa_memo_word(&stack->lock, 0) ^ name) == key)
			return name;
	}
	return 0;
}

/* ---- shapes ---- */

/* The name of the stack at PLACE if it has this shape and is known, or 0. */
CSA_RAW_INLINE uint64_t csa_memo_try(uint32_t reference, struct csa_memo_place *place,
                                     uint64_t room, uint64_t epoch)
{
	const _Atomic uint64_t *shape = csa_memo.lines + (uint64_t)(reference - 1) * 8;
	uint64_t serial, counts, words;
	struct csa_memo_sum sum;

	if (!reference)
		return 0;
	/* Acquire pairs with csa_memo_add(). */
	serial = atomic_load_explicit(&shape[CSA_SHAPE_SERIAL], memory_order_acquire);
	counts = csa_memo_word(shape, CSA_SHAPE_COUNTS);
	words = CSA_COUNTS_WORDS(counts);
	if (CSA_RARE(csa_memo_word(shape, CSA_SHAPE_PC) != place->at.pc) ||
	    CSA_RARE(csa_memo_word(shape, CSA_SHAPE_EPOCH) != epoch) ||
	    CSA_RARE(serial < CSA_MEMO_SERIAL) || CSA_RARE(CSA_COUNTS_REACH(counts) > room) ||
	    CSA_RARE(words > CSA_MEMO_SLOT_WORDS))
		return 0;
	/* Acquire: all of that must have been this shape's until its serial is read again. */
	for (uint64_t i = 0; i < words; i++)
		place->slots[i] =
			atomic_load_explicit(&shape[CSA_SHAPE_SLOTS + i], memory_order_acquire);
	if (CSA_RARE(csa_memo_word(shape, CSA_SHAPE_SERIAL) != serial) ||
	    CSA_RARE(CSA_COUNTS_FRAMES(counts) + place->inner > csa_walk_depth_max))
		return 0;
	sum = csa_memo_sum(place->slots, counts, &place->at);
	return CSA_RARE(sum.wrong) ? 0 : csa_memo_find_stack(csa_memo_key(sum, serial));
}

/* From the frame at PLACE to its caller, by rule; false: it takes a walk. */
CSA_RAW static inline bool csa_memo_step(struct csa_memo_place *place, uint64_t high)
{
	struct csa_frame *at = &place->at;
	uint64_t rule = csa_rules_find(at->pc);
	uint64_t bytes = csa_rule_cfa_bytes(rule), bp_bytes = csa_rule_bp_bytes(rule), pc;

	if (csa_rule_kind(rule) == CSA_RULE_BP)
		bytes += at->bp - at->sp;
	else if (csa_rule_kind(rule) != CSA_RULE_SP)
		return false;
	if (place->inner == CSA_MEMO_INNER_MAX || bytes - 1 >= high - at->sp || bytes & 7 ||
	    bp_bytes > bytes)
		return false;
	pc = csa_raw_load(at->sp + bytes - 8);
	if (!pc)
		return false;
	place->pcs[place->inner++] = at->pc;
	if (bp_bytes)
		at->bp = csa_raw_load(at->sp + bytes - bp_bytes);
	at->sp += bytes;
	at->pc = pc;
	return true;
}

static inline uint32_t csa_memo_bucket_of(const struct csa_frame *at, uint64_t high)
{
	uint64_t mixed = at->pc + (high - at->sp) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(mixed * UINT64_C(0xd6e8feb86659fd93) >> 32) % CSA_MEMO_BUCKETS;
}

/* With the frames that were stepped over. */
static inline uint64_t csa_memo_with_inner(uint64_t name, const struct csa_memo_place *place)
{
	for (uint32_t i = place->inner; i-- > 0;)
		name = cs_stack_hash(name, place->pcs[i]);
	return name;
}

/*
 * The shapes to try, and the frame at PLACE that they are of: further out for as long as there
 * are too many. CSA_MEMO_HOPELESS: none.
 */
CSA_RAW_INLINE uint64_t csa_memo_bucket(struct csa_memo_place *place, uint64_t high)
{
	_Atomic uint64_t *first = &csa_memo.buckets[csa_memo_bucket_of(&place->at, high)];
	uint64_t shapes = atomic_load_explicit(first, memory_order_relaxed);

	while (CSA_RARE(shapes == CSA_MEMO_MANY)) {
		if (!csa_memo_step(place, high)) {
			atomic_store_explicit(first, CSA_MEMO_HOPELESS, memory_order_relaxed);
			return CSA_MEMO_HOPELESS;
		}
		shapes = csa_memo_word(&csa_memo.buckets[csa_memo_bucket_of(&place->at, high)], 0);
	}
	return shapes;
}

CSA_RAW_INLINE uint64_t csa_memo_recognise(const struct csa_frame *at, uint64_t low, uint64_t high,
                                           uint64_t epoch, struct csa_memo_place *place)
{
	uint64_t shapes, name, room;

	place->inner = 0;
	place->at = *at;
	place->bucket = CSA_MEMO_BUCKETS;
	if (CSA_RARE(at->sp - low >= high - low) || CSA_RARE((at->sp | high) & 7))
		return 0;
	shapes = csa_memo_bucket(place, high);
	if (CSA_RARE(shapes == CSA_MEMO_HOPELESS))
		return 0;
	room = (high - place->at.sp) / 8;
	name = csa_memo_try((uint32_t)shapes, place, room, epoch);
	if (!name && shapes >> 32)
		name = csa_memo_try((uint32_t)(shapes >> 32), place, room, epoch);
	if (!name)
		place->bucket = csa_memo_bucket_of(&place->at, high);
	if (!place->inner || !name)
		return name;
	name = csa_memo_with_inner(name, place);
	return csa_known_has(name) ? name : 0;
}

#endif
