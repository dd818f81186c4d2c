/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learning stacks from walks. Shapes are written one behind the other, the oldest are
 * overwritten; what still refers to them finds another serial number, or none.
 *
 * Invariant: who adds is alone (`owner`); a shape's serial is 0 while it is written, and a new
 * one each time. A shape begins before its slots, so whatever overwrites the slots has taken
 * the serial away first.
 */
#include "stack/memo.h"

#include "core/agent.h"
#include "core/sys.h"
#include "stack/recognise.h"
#include "stack/rules.h"
#include "stack/walk.h"

#define LINE_WORDS 8u
#define SLOTS_MAX (4 * CSA_MEMO_SLOT_WORDS)
#define SHAPE_WORDS (CSA_SHAPE_SLOTS + CSA_MEMO_SLOT_WORDS)

/* A reader that meets a shape in the making may look so far beyond the last line. */
#define SLACK_BYTES (SHAPE_WORDS * sizeof(uint64_t))

#define BUCKETS_BYTES (CSA_MEMO_BUCKETS * sizeof(uint64_t))
#define LINES_BYTES (CSA_MEMO_LINES * LINE_WORDS * sizeof(uint64_t) + SLACK_BYTES)
#define STACKS_BYTES (CSA_MEMO_SETS * CSA_MEMO_STACK_WAYS * sizeof(struct csa_memo_stack))

struct csa_memo csa_memo;

/* The shape that is being made of a walk; under owner. */
static struct draft {
	uint64_t sp;
	uint64_t reach; /* words */
	uint32_t chain_count;
	uint32_t pc_count;
	uint32_t other_count;
	uint32_t frames;
	bool bp_counts;
	bool failed;
	uint16_t chain[CSA_CHAIN_MAX];
	uint16_t pcs[SLOTS_MAX];
	uint16_t others[SLOTS_MAX];
	uint64_t words[SHAPE_WORDS];
	uint32_t word_count;
} draft;

/* ---- start ---- */

static void draw_keys(void)
{
	uint64_t state = csa_stamp() ^ (uint64_t)csa_memo.buckets;

	for (unsigned i = 0; i < CSA_MEMO_KEYS; i++) {
		uint64_t x = state += UINT64_C(0x9e3779b97f4a7c15);

		x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
		csa_memo.keys[i] = (x ^ x >> 31) | 1;
	}
}

int csa_memo_start(void)
{
	atomic_store_explicit(&csa_memo.owner, 0, memory_order_relaxed);
	if (csa_memo.buckets) {
		csa_forget_pages((void *)csa_memo.buckets, BUCKETS_BYTES);
		csa_forget_pages((void *)csa_memo.stacks, STACKS_BYTES);
		return 0;
	}
	csa_memo.lines = csa_map(LINES_BYTES);
	csa_memo.stacks = csa_map(STACKS_BYTES);
	csa_memo.buckets = csa_map(BUCKETS_BYTES);
	if (!csa_memo.lines || !csa_memo.stacks || !csa_memo.buckets)
		return -12; /* ENOMEM */
	csa_memo.set_mask = CSA_MEMO_SETS_FIRST - 1;
	draw_keys();
	return 0;
}

size_t csa_memo_bytes(void)
{
	return BUCKETS_BYTES + LINES_BYTES + STACKS_BYTES + sizeof(csa_memo) + sizeof(draft);
}

/* ---- from a walk to a shape ---- */

/* Where word SLOT is, above the stack pointer. */
static uint16_t slot_of(uint64_t slot)
{
	uint64_t bytes = slot - draft.sp;

	if (bytes & 7 || bytes / 8 > CSA_MEMO_SLOT_MAX) {
		draft.failed = true;
		return 0;
	}
	if (draft.reach <= bytes / 8)
		draft.reach = bytes / 8 + 1;
	return (uint16_t)(bytes / 8);
}

static void add_pc(uint64_t slot)
{
	if (draft.pc_count == SLOTS_MAX)
		draft.failed = true;
	else
		draft.pcs[draft.pc_count++] = slot_of(slot);
}

/* SLOT 0: rbp is that of the first frame. */
static void add_other(uint64_t slot)
{
	uint16_t place;

	if (slot == 0) {
		draft.bp_counts = true;
		return;
	}
	place = slot_of(slot);
	if (draft.other_count && draft.others[draft.other_count - 1] == place)
		return;
	if (draft.other_count == SLOTS_MAX)
		draft.failed = true;
	else
		draft.others[draft.other_count++] = place;
}

/* The outermost frame: marked as such, or its return address is 0. */
CSA_RAW static void add_end(const struct csa_walk *walk, uint64_t rule)
{
	const struct csa_walk_frame *frame = &walk->frames[0];
	uint64_t bytes = csa_rule_cfa_bytes(rule);

	if (csa_rule_kind(rule) == CSA_RULE_END)
		return;
	if (csa_rule_kind(rule) == CSA_RULE_BP)
		bytes += frame->bp - frame->sp;
	if (csa_rule_kind(rule) > CSA_RULE_BP || bytes & 7 || bytes - 1 >= walk->high - frame->sp ||
	    *(const uint64_t *)(frame->sp + bytes - 8) != 0)
		draft.failed = true;
	else
		add_pc(frame->sp + bytes - 8);
}

static bool is_usual(const struct csa_walk_frame *frame)
{
	return (csa_rules_find(frame->pc) & ~CSA_RULE_TAG_MASK) == CSA_RULE_FRAME;
}

/* The frames from START on that keep frame pointers, an even number of them. */
static uint32_t follow_chain(const struct csa_walk *walk, uint32_t start)
{
	uint32_t count = 0;

	while (count < CSA_CHAIN_MAX && count < start && is_usual(&walk->frames[start - count])) {
		draft.chain[count] = slot_of(walk->frames[start - count].bp);
		slot_of(walk->frames[start - count].bp + 8);
		count++;
	}
	return count & ~1u;
}

/* What the way from frame START outwards hung on. */
static void follow(const struct csa_walk *walk, uint32_t start)
{
	uint32_t first;
	uint64_t bp_slot = 0;

	draft.chain_count = follow_chain(walk, start);
	first = start - draft.chain_count;
	if (first < start)
		bp_slot = walk->frames[first].bp_slot;
	for (uint32_t i = first; !draft.failed; i--) {
		const struct csa_walk_frame *frame = &walk->frames[i];
		uint64_t rule = csa_rules_find(frame->pc);
		enum csa_rule_kind kind = csa_rule_kind(rule);

		if (i < first) {
			add_pc(frame->pc_slot);
			if (frame->bp_slot != (uint64_t)&frame->bp)
				bp_slot = frame->bp_slot;
		}
		if (kind == CSA_RULE_BP || kind == CSA_RULE_BP_DEREF)
			add_other(bp_slot);
		if (kind == CSA_RULE_BP_DEREF)
			add_other(frame->bp + csa_rule_cfa_bytes_signed(rule));
		if (i == 0) {
			add_end(walk, rule);
			break;
		}
		if (kind != CSA_RULE_SP && kind != CSA_RULE_BP && kind != CSA_RULE_BP_DEREF)
			draft.failed = true;
	}
}

/* Packs slots by fours; the last one is repeated. */
static void pack(const uint16_t *slots, uint32_t count)
{
	for (uint32_t i = 0; i < count; i += 4) {
		uint64_t four = 0;

		for (uint32_t k = 0; k < 4; k++)
			four |= (uint64_t)slots[i + k < count ? i + k : count - 1] << k * 16;
		draft.words[draft.word_count++] = four;
	}
}

static bool make_draft(const struct csa_walk *walk, uint32_t start)
{
	const struct csa_walk_frame *first = &walk->frames[start];
	uint64_t chain_words, pc_words, other_words;

	draft.sp = first->sp;
	draft.reach = draft.pc_count = draft.other_count = 0;
	draft.frames = start + 1;
	draft.bp_counts = draft.failed = false;
	follow(walk, start);
	chain_words = (draft.chain_count + 3) / 4;
	pc_words = (draft.pc_count + 3) / 4;
	other_words = (draft.other_count + 3) / 4;
	if (draft.failed || chain_words + pc_words + other_words > CSA_MEMO_SLOT_WORDS)
		return false;
	draft.words[CSA_SHAPE_PC] = first->pc;
	draft.words[CSA_SHAPE_EPOCH] = walk->epoch;
	/* NOLINTBEGIN(clang-analyzer-core.UndefinedBinaryOperatorResult): frames are few */
	draft.words[CSA_SHAPE_COUNTS] =
		draft.reach | pc_words << 16 | other_words << 24 | (uint64_t)draft.frames << 32 |
		(uint64_t)draft.bp_counts << 48 | (uint64_t)draft.chain_count << 56;
	/* NOLINTEND(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	draft.word_count = CSA_SHAPE_SLOTS;
	pack(draft.chain, draft.chain_count);
	pack(draft.pcs, draft.pc_count);
	pack(draft.others, draft.other_count);
	return true;
}

/* ---- tables; under owner ---- */

static _Atomic uint64_t *shape_of(uint32_t reference)
{
	return csa_memo.lines + (uint64_t)(reference - 1) * LINE_WORDS;
}

/* Whether the bucket's REFERENCE leads to a shape that serves there. */
static bool is_valid(uint32_t reference)
{
	const _Atomic uint64_t *shape = shape_of(reference);

	return reference && shape[CSA_SHAPE_SERIAL] >= CSA_MEMO_SERIAL &&
	       shape[CSA_SHAPE_PC] == draft.words[CSA_SHAPE_PC] &&
	       shape[CSA_SHAPE_EPOCH] == draft.words[CSA_SHAPE_EPOCH];
}

static bool is_draft(uint32_t reference)
{
	const _Atomic uint64_t *shape = shape_of(reference);

	if (!is_valid(reference))
		return false;
	for (uint32_t i = CSA_SHAPE_COUNTS; i < draft.word_count; i++)
		if (atomic_load_explicit(&shape[i], memory_order_relaxed) != draft.words[i])
			return false;
	return true;
}

static uint32_t write_shape(void)
{
	uint32_t lines = (draft.word_count + LINE_WORDS - 1) / LINE_WORDS;
	uint32_t line = csa_memo.next_line + lines > CSA_MEMO_LINES ? 0 : csa_memo.next_line;
	_Atomic uint64_t *shape = shape_of(line + 1);

	csa_memo.next_line = line + lines;
	/* Release, for each: no reader sees a later word and takes an earlier one for old. */
	atomic_store_explicit(&shape[CSA_SHAPE_SERIAL], 0, memory_order_release);
	for (uint32_t i = CSA_SHAPE_PC; i < draft.word_count; i++)
		atomic_store_explicit(&shape[i], draft.words[i], memory_order_release);
	atomic_store_explicit(&shape[CSA_SHAPE_SERIAL], CSA_MEMO_SERIAL | ++csa_memo.serial,
	                      memory_order_release);
	return line + 1;
}

/* The draft's place among the shapes of BUCKET, 0: there are too many. */
static uint32_t find_shape(_Atomic uint64_t *bucket)
{
	uint64_t both = atomic_load_explicit(bucket, memory_order_relaxed);
	uint32_t first = (uint32_t)both, second = (uint32_t)(both >> 32), made;

	if (both >= CSA_MEMO_HOPELESS)
		return 0;
	if (is_draft(first))
		return first;
	if (is_draft(second))
		return second;
	if (is_valid(first) && is_valid(second)) {
		atomic_store_explicit(bucket, CSA_MEMO_MANY, memory_order_relaxed);
		return 0;
	}
	made = write_shape();
	if (!is_valid(first))
		first = second;
	atomic_store_explicit(bucket, made | (uint64_t)first << 32, memory_order_release);
	return made;
}

static void put_stack(uint64_t key, uint64_t name)
{
	struct csa_memo_stack *stacks = csa_memo_stacks(key);
	uint64_t lock = key ^ name;

	/* The newest comes first and the oldest falls out at the end. */
	for (unsigned i = 0; i < CSA_MEMO_STACK_WAYS; i++) {
		uint64_t old_lock = stacks[i].lock, old_name = stacks[i].name;

		/* Release: whoever finds the name sees when it was defined (known.h). */
		atomic_store_explicit(&stacks[i].lock, lock, memory_order_relaxed);
		atomic_store_explicit(&stacks[i].name, name, memory_order_release);
		if (old_name == 0)
			return;
		lock = old_lock;
		name = old_name;
	}
	/* Those that lie elsewhere in a larger table will be learned again. */
	if (++csa_memo.displaced == CSA_MEMO_SETS_FIRST)
		atomic_store_explicit(&csa_memo.set_mask, CSA_MEMO_SETS - 1, memory_order_relaxed);
}

CSA_RAW void csa_memo_add(const struct csa_walk *walk, const struct csa_memo_place *place,
                          uint64_t owner)
{
	uint32_t start = walk->count - 1 - place->inner;
	uint64_t none = 0, room = (walk->high - place->at.sp) / 8;
	uint32_t reference;

	if (place->bucket == CSA_MEMO_BUCKETS || place->inner >= walk->count ||
	    start >= walk->reusable || walk->frames[start].pc != place->at.pc ||
	    walk->frames[start].sp != place->at.sp || walk->frames[start].bp != place->at.bp)
		return;
	if (!atomic_compare_exchange_strong_explicit(&csa_memo.owner, &none, owner,
	                                             memory_order_acquire, memory_order_relaxed))
		return;
	reference = make_draft(walk, start) && draft.reach <= room
	                    ? find_shape(&csa_memo.buckets[place->bucket])
	                    : 0;
	if (reference)
		put_stack(csa_memo_key(csa_memo_sum(draft.words + CSA_SHAPE_SLOTS,
		                                    draft.words[CSA_SHAPE_COUNTS], &place->at),
		                       *shape_of(reference)),
		          walk->frames[start].hash);
	atomic_store_explicit(&csa_memo.owner, 0, memory_order_release);
}

void csa_memo_forget(void)
{
	csa_forget_pages((void *)csa_memo.buckets, BUCKETS_BYTES);
}

void csa_memo_abandon(uint64_t owner)
{
	atomic_compare_exchange_strong(&csa_memo.owner, &owner, 0);
}
