/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recognising stacks: what runs for every recorded allocation.
 *
 * Invariant: nothing is read that is not on the stack [low, high), at or above the stack
 * pointer and 8-aligned; not even by a thread that sees a shape while another rewrites it.
 */
#include <emmintrin.h>
#include <stddef.h>

#include "stack/known.h"
#include "stack/memo.h"
#include "stack/rules.h"
#include "stack/walk.h"
#include "wire/record.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* The program's stack is read across its variables, which AddressSanitizer would forbid. */
#define RAW_READS __attribute__((no_sanitize("address")))
#define RAW_INLINE RAW_READS __attribute__((always_inline)) static inline

RAW_INLINE uint64_t load(uint64_t address)
{
	return *(const uint64_t *)address;
}

static inline uint64_t word(const _Atomic uint64_t *words, unsigned i)
{
	return atomic_load_explicit(&words[i], memory_order_relaxed);
}

/* ---- sums ---- */

/* Four slots, none of which exceeds MOST. */
static inline uint64_t bounded(uint64_t four, __m128i most)
{
	__m128i slots = _mm_cvtsi64_si128((long long)four);

	return (uint64_t)_mm_cvtsi128_si64(_mm_sub_epi16(slots, _mm_subs_epu16(slots, most)));
}

/* Two words by two keys: NH. BASE is taken from each word first. */
RAW_INLINE csa_sum sum_two(uint64_t sp, uint64_t slots, uint64_t base, const uint64_t *keys)
{
	uint64_t a = load(sp + (slots & 0xffff) * 8) - base + keys[0];
	uint64_t b = load(sp + (slots >> 16 & 0xffff) * 8) - base + keys[1];

	return (csa_sum)a * b;
}

RAW_INLINE csa_sum sum_slots(const _Atomic uint64_t *slots, uint64_t words, __m128i most,
                             uint64_t sp, uint64_t base, const uint64_t *keys)
{
	csa_sum sum = 0;

	for (uint64_t i = 0; i < words; i++, keys += 4) {
		uint64_t four = bounded(word(slots, (unsigned)i), most);

		sum += sum_two(sp, four, base, keys);
		sum += sum_two(sp, four >> 32, base, keys + 2);
	}
	return sum;
}

RAW_READS csa_sum csa_memo_sum(const _Atomic uint64_t *shape, uint64_t counts,
                               const struct csa_frame *at, uint64_t room)
{
	__m128i most = _mm_set1_epi16((short)(room > 0xffff ? 0xffff : room - 1));
	const _Atomic uint64_t *slots = shape + CSA_SHAPE_SLOTS;
	uint64_t pcs = CSA_COUNTS_PCS(counts), others = CSA_COUNTS_OTHERS(counts);
	uint64_t bp = CSA_COUNTS_BP(counts) ? at->bp - at->sp : 0;
	csa_sum sum = (csa_sum)(bp + csa_memo.keys[0]) * csa_memo.keys[1];

	sum += sum_slots(slots, pcs, most, at->sp, 0, csa_memo.keys + 2);
	if (others)
		sum += sum_slots(slots + pcs, others, most, at->sp, at->sp,
		                 csa_memo.keys + 2 + pcs * 4);
	return sum;
}

struct csa_memo_stack *csa_memo_stacks(csa_sum sum)
{
	uint64_t bits = (uint64_t)(sum >> 64) ^ (uint64_t)sum >> 32;

	return csa_memo.stacks + bits % CSA_MEMO_SETS * CSA_MEMO_STACK_WAYS;
}

/* The name of what has SUM through the shape with SERIAL, or 0. */
static inline uint64_t find_stack(csa_sum sum, uint64_t serial)
{
	struct csa_memo_stack *stacks = csa_memo_stacks(sum);
	uint64_t high = csa_memo_high(sum, serial);

	for (unsigned i = 0; i < CSA_MEMO_STACK_WAYS; i++) {
		uint64_t name = atomic_load_explicit(&stacks[i].name, memory_order_relaxed);

		if (((word(&stacks[i].high, 0) ^ high) |
		     (word(&stacks[i].lock, 0) ^ name ^ (uint64_t)sum)) == 0)
			return name;
	}
	return 0;
}

/* ---- shapes ---- */

/* The name of the stack at AT if it has this shape and is known, or 0. */
RAW_INLINE uint64_t try_shape(uint32_t reference, const struct csa_memo_place *place, uint64_t room,
                              uint64_t epoch)
{
	const _Atomic uint64_t *shape = csa_memo.lines + (uint64_t)(reference - 1) * 8;
	uint64_t serial, counts;
	csa_sum sum;

	if (!reference)
		return 0;
	/* Acquire pairs with csa_memo_add(). */
	serial = atomic_load_explicit(&shape[CSA_SHAPE_SERIAL], memory_order_acquire);
	counts = word(shape, CSA_SHAPE_COUNTS);
	if (UNLIKELY(serial < CSA_MEMO_SERIAL) ||
	    UNLIKELY(word(shape, CSA_SHAPE_PC) != place->at.pc) ||
	    UNLIKELY(word(shape, CSA_SHAPE_EPOCH) != epoch) ||
	    UNLIKELY(CSA_COUNTS_REACH(counts) > room) ||
	    UNLIKELY(CSA_COUNTS_PCS(counts) + CSA_COUNTS_OTHERS(counts) > CSA_MEMO_SLOT_WORDS) ||
	    UNLIKELY(CSA_COUNTS_FRAMES(counts) + place->inner > csa_walk_depth_max))
		return 0;
	sum = csa_memo_sum(shape, counts, &place->at, room);
	/* The slots must have been this shape's until here. */
	atomic_thread_fence(memory_order_acquire);
	if (UNLIKELY(word(shape, CSA_SHAPE_SERIAL) != serial))
		return 0;
	return find_stack(sum, serial);
}

/* From the frame at PLACE to its caller, by rule; false: it takes a walk. */
RAW_READS static bool step(struct csa_memo_place *place, uint64_t high)
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
	pc = load(at->sp + bytes - 8);
	if (!pc)
		return false;
	place->pcs[place->inner++] = at->pc;
	if (bp_bytes)
		at->bp = load(at->sp + bytes - bp_bytes);
	at->sp += bytes;
	at->pc = pc;
	return true;
}

static inline uint32_t bucket_of(const struct csa_frame *at, uint64_t high)
{
	uint64_t mixed = at->pc + (high - at->sp) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(mixed * UINT64_C(0xd6e8feb86659fd93) >> 32) % CSA_MEMO_BUCKETS;
}

/* With the frames that were stepped over. */
static uint64_t with_inner(uint64_t name, const struct csa_memo_place *place)
{
	for (uint32_t i = place->inner; i-- > 0;)
		name = cs_stack_hash(name, place->pcs[i]);
	return name;
}

/*
 * The shapes to try, and the frame at PLACE that they are of: further out for as long as there
 * are too many. CSA_MEMO_HOPELESS: none.
 */
RAW_READS static uint64_t find_bucket(struct csa_memo_place *place, uint64_t high)
{
	_Atomic uint64_t *first = &csa_memo.buckets[bucket_of(&place->at, high)];
	uint64_t shapes = atomic_load_explicit(first, memory_order_relaxed);

	while (UNLIKELY(shapes == CSA_MEMO_MANY)) {
		if (!step(place, high)) {
			atomic_store_explicit(first, CSA_MEMO_HOPELESS, memory_order_relaxed);
			return CSA_MEMO_HOPELESS;
		}
		shapes = word(&csa_memo.buckets[bucket_of(&place->at, high)], 0);
	}
	return shapes;
}

RAW_READS uint64_t csa_memo_find(const struct csa_frame *at, uint64_t low, uint64_t high,
                                 uint64_t epoch, struct csa_memo_place *place)
{
	uint64_t shapes, name, room;

	place->inner = 0;
	place->at = *at;
	place->bucket = CSA_MEMO_BUCKETS;
	if (UNLIKELY(at->sp - low >= high - low) || UNLIKELY((at->sp | high) & 7))
		return 0;
	shapes = find_bucket(place, high);
	if (UNLIKELY(shapes == CSA_MEMO_HOPELESS))
		return 0;
	room = (high - place->at.sp) / 8;
	name = try_shape((uint32_t)shapes, place, room, epoch);
	if (!name && shapes >> 32)
		name = try_shape((uint32_t)(shapes >> 32), place, room, epoch);
	if (!name)
		place->bucket = bucket_of(&place->at, high);
	if (LIKELY(!place->inner) || !name)
		return name;
	name = with_inner(name, place);
	return csa_known_has(name) ? name : 0;
}
