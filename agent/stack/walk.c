/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From registers to a stack: frame by frame with the cached rules, until the frame that has
 * been reached is one of the last stack. Then it is enough to see that the slots which the
 * outer part came from still hold what they did, and that part is reused.
 *
 * Invariant: on the stack [low, high) nothing is read that is not at or above the present
 * frame's sp, 8-aligned and below high; all other memory is read through the kernel, which
 * can't fault. The result is that of a walk without reuse, always.
 */
#include "stack/walk.h"

#include "stack/modules.h"
#include "stack/rules.h"
#include "stack/stack.h"
#include "stack/window.h"
#include "wire/record.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

/* The program's stack is read across its variables, which AddressSanitizer would forbid. */
#define RAW_READS __attribute__((no_sanitize("address")))

/* What run() returns besides a rule. */
#define RULE_MATCHED UINT64_MAX

/* The kernel's signal frame, from the stack pointer on return to its restorer. */
enum { SIGNAL_RBP = 120, SIGNAL_RSP = 160, SIGNAL_RIP = 168 };

uint32_t csa_walk_depth_max = CS_STACK_DEPTH_DEFAULT;

static inline void compiler_barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

RAW_READS static inline uint64_t load(uint64_t address)
{
	return *(const uint64_t *)address;
}

/* ---- reading memory that may not be there ---- */

/* A word of the stack, from sp upwards (or in the red zone); false: it can't be had. */
RAW_READS static bool load_stack(struct csa_walk *walk, uint64_t address, uint64_t *value)
{
	if (address & 7 || (address < walk->sp && !walk->interrupted))
		return false;
	if (walk->foreign || walk->interrupted)
		return csa_window_load(walk, address, value);
	if (address > walk->high - 8)
		return false;
	*value = load(address);
	return true;
}

/* ---- where a walk is ---- */

/* A frame, and the slots that pc and bp were loaded from. */
struct place {
	uint64_t pc, sp, bp;
	uint64_t pc_slot, bp_slot;
};

static inline struct place present(const struct csa_walk *walk)
{
	return (struct place){walk->pc, walk->sp, walk->bp, walk->pc_slot, walk->bp_slot};
}

static inline void arrive(struct csa_walk *walk, struct place at)
{
	walk->pc = at.pc;
	walk->sp = at.sp;
	walk->bp = at.bp;
	walk->pc_slot = at.pc_slot;
	walk->bp_slot = at.bp_slot;
}

static inline void note(struct csa_walk_frame *frame, struct place at)
{
	frame->pc = at.pc;
	frame->sp = at.sp;
	frame->bp = at.bp;
	frame->pc_slot = at.pc_slot;
	frame->bp_slot = at.bp_slot;
}

/* ---- the end of a walk ---- */

static void push(struct csa_walk *walk, uint64_t pc)
{
	struct place at = present(walk);

	at.pc = pc;
	note(&walk->fresh[walk->fresh_count++], at);
}

/*
 * Checks on the way to reused frames stay, but for that of the innermost one, which has been
 * reached anew. If there is no room for all, nothing inside of the first one is reusable.
 */
static void install_checks(struct csa_walk *walk, uint32_t base, uint32_t total)
{
	uint32_t kept = 0;

	while (kept < walk->check_count && walk->checks[kept].outer < base)
		kept++;
	for (uint32_t i = walk->fresh_check_count; i-- > 0; kept++) {
		struct csa_walk_check check = walk->fresh_checks[i];

		check.outer = total - check.outer;
		if (kept == CSA_WALK_CHECKS) {
			if (walk->reusable > check.outer)
				walk->reusable = check.outer;
			break;
		}
		walk->checks[kept] = check;
	}
	walk->check_count = kept;
}

/* The fresh frames become the innermost of the last stack, inside of BASE reused ones. */
static void install(struct csa_walk *walk, uint32_t base)
{
	uint32_t total = base + walk->fresh_count;
	uint64_t hash = base ? walk->frames[base - 1].hash : cs_stack_root(walk->epoch);

	walk->count = walk->reusable = 0;
	compiler_barrier();
	for (uint32_t i = base; i < total; i++) {
		const struct csa_walk_frame *from = &walk->fresh[total - 1 - i];
		struct csa_walk_frame *to = &walk->frames[i];
		uint64_t pc = from->pc;

		to->pc = pc;
		to->sp = from->sp;
		to->bp = from->bp;
		to->pc_slot = from->pc_slot ? from->pc_slot : (uint64_t)&to->pc;
		to->bp_slot = from->bp_slot ? from->bp_slot : (uint64_t)&to->bp;
		to->hash = hash = cs_stack_hash(hash, pc);
	}
	compiler_barrier();
	walk->reusable = total - walk->barrier;
	install_checks(walk, base, total);
	walk->count = total;
}

/* No frame is outside of those noted. MARK: 0, or why. */
static void finish(struct csa_walk *walk, enum cs_pc_mark mark)
{
	walk->cut = mark != 0;
	if (mark) {
		walk->sp = UINT64_MAX;
		walk->pc_slot = walk->bp_slot = 0;
		push(walk, mark);
	}
	/* What was left out can't be seen to be the same. */
	if (mark == CS_PC_CUT_DEPTH)
		walk->barrier = walk->fresh_count;
	install(walk, 0);
}

/* There is one more frame: true if it has to be left out, which ends the walk. */
static bool is_full(struct csa_walk *walk)
{
	if (walk->fresh_count - walk->guessed < csa_walk_depth_max)
		return false;
	finish(walk, CS_PC_CUT_DEPTH);
	return true;
}

/* ---- reuse ---- */

/* Whether all slots outside of frame MATCH hold what they did; no branch on any of them. */
RAW_READS static bool verify(const struct csa_walk *walk, uint32_t match)
{
	uint64_t different = 0;

	for (const struct csa_walk_frame *frame = walk->frames; frame < &walk->frames[match];
	     frame++)
		different |= (load(frame->pc_slot) ^ frame->pc) |
		             (load(frame->bp_slot) ^ frame->bp);
	for (uint32_t i = 0; i < walk->check_count && walk->checks[i].outer <= match; i++)
		different |= load(walk->checks[i].slot) ^ walk->checks[i].value;
	return different == 0;
}

/* After verify() failed: frames from the outermost difference inwards are of no use. */
RAW_READS static uint32_t first_difference(const struct csa_walk *walk, uint32_t match)
{
	uint32_t limit = match;

	for (uint32_t i = 0; i < limit; i++)
		if (load(walk->frames[i].pc_slot) != walk->frames[i].pc ||
		    load(walk->frames[i].bp_slot) != walk->frames[i].bp)
			limit = i;
	for (uint32_t i = 0; i < walk->check_count; i++)
		if (walk->checks[i].outer <= limit &&
		    load(walk->checks[i].slot) != walk->checks[i].value)
			return walk->checks[i].outer;
	/* That frame itself has changed, but may be reached as it was: its slots come later. */
	return limit < match ? limit + 1 : match;
}

/*
 * The present frame is frame MATCH of the last stack. If all that is outside of it is the
 * same, that much is reused.
 */
static bool reuse(struct csa_walk *walk, uint32_t match)
{
	struct csa_walk_frame *frame = &walk->frames[match];
	uint32_t marks = walk->frames[0].pc < CS_PC_MARK_COUNT;

	if (walk->fresh_count - walk->guessed + match + 1 - marks > csa_walk_depth_max) {
		walk->match = 0; /* a walk would not get to the end of it */
		return false;
	}
	if (!verify(walk, match)) {
		walk->match = first_difference(walk, match);
		return false;
	}
	walk->cut = marks;
	if (walk->fresh_count == 0) {
		/* The same stack, or what is left of it. What was inside may return as it was. */
		walk->count = match + 1;
		return true;
	}
	frame->pc_slot = walk->pc_slot ? walk->pc_slot : (uint64_t)&frame->pc;
	frame->bp_slot = walk->bp_slot ? walk->bp_slot : (uint64_t)&frame->bp;
	install(walk, match + 1);
	return true;
}

/* ---- the walk ---- */

/* From a signal handler to what it interrupted, on whatever stack. false: the walk has ended. */
static bool step_signal(struct csa_walk *walk)
{
	uint64_t pc, sp, bp;

	walk->barrier = walk->fresh_count;
	if (!load_stack(walk, walk->sp + SIGNAL_RIP, &pc) ||
	    !load_stack(walk, walk->sp + SIGNAL_RSP, &sp) ||
	    !load_stack(walk, walk->sp + SIGNAL_RBP, &bp)) {
		finish(walk, CS_PC_CUT_UNKNOWN);
		return false;
	}
	if (is_full(walk))
		return false;
	/* Other rules are of return addresses: of the byte before. */
	arrive(walk, (struct place){pc + 1, sp, bp, 0, 0});
	walk->interrupted = true;
	walk->foreign = walk->sp - walk->low >= walk->high - walk->low || walk->sp & 7;
	return true;
}

static bool next_cfa(struct csa_walk *walk, uint64_t rule, uint64_t *cfa)
{
	switch (csa_rule_kind(rule)) {
	case CSA_RULE_BP:
		*cfa = walk->bp + csa_rule_cfa_bytes(rule);
		break;
	case CSA_RULE_BP_DEREF:
		if (!load_stack(walk, walk->bp + csa_rule_cfa_bytes_signed(rule), cfa))
			return false;
		break;
	default:
		*cfa = walk->sp + csa_rule_cfa_bytes(rule);
	}
	/*
	 * sp must rise, or a broken stack could keep us for ever, and stay in bounds: run() relies
	 * on it, and the words of an interrupted frame were read without regard to them.
	 */
	return !(*cfa & 7) && *cfa > walk->sp && (walk->foreign || *cfa <= walk->high);
}

/* rbp in the frame whose stack pointer will be CFA; false: it can't be loaded. */
static bool next_bp(struct csa_walk *walk, uint64_t rule, uint64_t cfa, uint64_t *bp,
                    uint64_t *slot)
{
	enum csa_rule_kind kind = csa_rule_kind(rule);

	*slot = 0;
	if (kind == CSA_RULE_BP_DEREF)
		*slot = walk->bp;
	else if (csa_rule_bp_bytes(rule))
		*slot = cfa - csa_rule_bp_bytes(rule);
	*bp = kind == CSA_RULE_SP_LOST ? 0 : walk->bp;
	return !*slot || load_stack(walk, *slot, bp);
}

static void note_check(struct csa_walk *walk, uint64_t slot, uint64_t value)
{
	if (walk->fresh_check_count == CSA_WALK_CHECKS) {
		walk->barrier = walk->fresh_count;
		return;
	}
	walk->fresh_checks[walk->fresh_check_count++] =
		(struct csa_walk_check){.slot = slot, .value = value, .outer = walk->fresh_count};
}

/* From the frame noted last to its caller, by any rule. false: the walk has ended. */
static bool step(struct csa_walk *walk, uint64_t rule)
{
	enum csa_rule_kind kind = csa_rule_kind(rule);
	uint64_t cfa, pc, bp, bp_slot;

	if (kind == CSA_RULE_END) {
		finish(walk, 0);
		return false;
	}
	if (kind == CSA_RULE_SIGNAL)
		return step_signal(walk);
	if (kind == CSA_RULE_NONE || !next_cfa(walk, rule, &cfa) ||
	    !load_stack(walk, cfa - 8, &pc) || !next_bp(walk, rule, cfa, &bp, &bp_slot)) {
		if (kind == CSA_RULE_BP_DEREF)
			walk->barrier = walk->fresh_count; /* the CFA may change */
		finish(walk, CS_PC_CUT_UNKNOWN);
		return false;
	}
	if (walk->foreign || walk->interrupted)
		walk->barrier = walk->fresh_count;
	if (kind == CSA_RULE_BP_DEREF)
		note_check(walk, walk->bp + csa_rule_cfa_bytes_signed(rule), cfa);
	if (pc == 0) {
		note_check(walk, cfa - 8, 0);
		finish(walk, 0);
		return false;
	}
	if (is_full(walk))
		return false;
	walk->interrupted = false;
	arrive(walk, (struct place){pc, cfa, bp, cfa - 8, bp_slot});
	return true;
}

static inline bool is_at(const struct csa_walk_frame *frame, struct place at)
{
	return ((frame->sp ^ at.sp) | (frame->pc ^ at.pc) | (frame->bp ^ at.bp)) == 0;
}

/* To the caller, by RULE of a simple kind; false, and nothing has changed: it is not simple. */
RAW_READS static inline bool step_simply(struct place *at, uint64_t rule, uint64_t high)
{
	uint64_t sp = at->sp, bp = at->bp, bytes, bp_bytes, caller;

	if ((rule & ~CSA_RULE_TAG_MASK) == CSA_RULE_FRAME) {
		/* Guessed right, the walk waits for nothing but the chain of rbp. */
		if (unlikely(bp < sp) || unlikely(bp > high - 16) || unlikely(bp & 7) ||
		    unlikely((caller = load(bp + 8)) == 0))
			return false;
		*at = (struct place){caller, bp + 16, load(bp), bp + 8, bp};
		return true;
	}
	bytes = csa_rule_cfa_bytes(rule);
	/* A branch on purpose: the walk waits for the rule less often than it guesses wrong. */
	if (unlikely(csa_rule_kind(rule) == CSA_RULE_BP))
		bytes += bp - sp;
	bp_bytes = csa_rule_bp_bytes(rule);
	/* At least a word, whole words, no further than the end of the stack. */
	if (unlikely(bytes - 1 >= high - sp) || unlikely(bytes & 7) || unlikely(bp_bytes > bytes))
		return false;
	caller = load(sp + bytes - 8);
	if (unlikely(caller == 0))
		return false;
	at->sp = sp += bytes;
	at->pc = caller;
	at->pc_slot = sp - 8;
	at->bp_slot = 0;
	if (bp_bytes) {
		at->bp_slot = sp - bp_bytes;
		at->bp = load(at->bp_slot);
	}
	return true;
}

/*
 * Notes frames on the stack [low, high) as long as all is simple. Returns the rule of the
 * frame noted last, which step() has to look at; 0: it is not cached; or RULE_MATCHED.
 * What changes is kept in registers meanwhile.
 */
RAW_READS static uint64_t run(struct csa_walk *walk)
{
	struct place at = present(walk);
	const uint64_t high = walk->high;
	uint32_t count = walk->fresh_count;
	uint32_t match = walk->match;
	const uint32_t depth_max = csa_walk_depth_max + walk->guessed;
	uint64_t rule;

	for (;;) {
		while (match > 0 && walk->frames[match - 1].sp < at.sp)
			match--;
		if (match > 0 && is_at(&walk->frames[match - 1], at)) {
			walk->pc_slot = at.pc_slot;
			walk->bp_slot = at.bp_slot;
			walk->fresh_count = count;
			if (reuse(walk, match - 1))
				return RULE_MATCHED;
			match = walk->match;
		}
		note(&walk->fresh[count++], at);
		rule = csa_rules_find(at.pc);
		if (unlikely(csa_rule_kind(rule) - 1u > CSA_RULE_BP - 1u) ||
		    unlikely(count >= depth_max) || unlikely(!step_simply(&at, rule, high)))
			break;
	}
	arrive(walk, at);
	walk->fresh_count = count;
	walk->match = match;
	return rule;
}

/* Goes on until the stack is complete (true), or the cold path has to help. */
static bool go_on(struct csa_walk *walk)
{
	for (;;) {
		uint64_t rule;

		if (walk->foreign || walk->interrupted) {
			push(walk, walk->pc);
			rule = csa_rules_find(walk->pc);
		} else {
			rule = run(walk);
		}
		if (rule == RULE_MATCHED)
			return true;
		if (rule == 0 || (rule & ~CSA_RULE_TAG_MASK) == CSA_RULE_GUESS)
			return false;
		if (!step(walk, rule))
			return true;
	}
}

bool csa_walk(struct csa_walk *walk, const struct csa_frame *at, uint64_t low, uint64_t high)
{
	uint64_t epoch = atomic_load_explicit(&csa_modules_epoch, memory_order_acquire);

	if (unlikely(walk->epoch != epoch || walk->high != high))
		walk->count = walk->reusable = 0;
	walk->epoch = epoch;
	walk->low = low;
	walk->high = high;
	arrive(walk, (struct place){at->pc, at->sp, at->bp, 0, 0});
	walk->foreign = at->sp - low >= high - low || at->sp & 7;
	walk->interrupted = walk->guessed = walk->cut = false;
	walk->fresh_count = walk->barrier = walk->fresh_check_count = 0;
	walk->match = walk->reusable;
	walk->window_start = walk->window_end = 0;
	walk->windows = 0;
	walk->pending = !go_on(walk);
	return !walk->pending;
}

/* ---- the cold path ---- */

/*
 * There is no unwind information: generated code, or assembly. If rbp looks like a frame
 * pointer and leads into a module's code, believe it, and say that it is a guess.
 */
static bool guess(struct csa_walk *walk)
{
	uint64_t bp = walk->bp;
	uint64_t pc, outer;

	/* Where a new fcontext's function returns to: rbp still holds that address. */
	if (bp == walk->pc) {
		finish(walk, 0);
		return false;
	}
	/* Next time something else may be there, and rbp may be something else. */
	walk->barrier = walk->fresh_count;
	if (walk->may_not_guess || bp < walk->sp || !load_stack(walk, bp + 8, &pc) ||
	    !load_stack(walk, bp, &outer) || !csa_modules_hold(pc)) {
		finish(walk, CS_PC_CUT_UNKNOWN);
		return false;
	}
	if (is_full(walk))
		return false;
	if (!walk->guessed) {
		walk->guessed = true;
		push(walk, CS_PC_GUESSED);
		walk->barrier = walk->fresh_count;
	}
	walk->interrupted = false;
	arrive(walk, (struct place){pc, bp + 16, outer, bp + 8, bp});
	return true;
}

void csa_walk_finish(struct csa_walk *walk)
{
	bool more = walk->pending;

	walk->pending = false;
	while (more) {
		uint64_t rule = csa_modules_rule(walk->pc);

		more = (rule == CSA_RULE_GUESS ? guess(walk) : step(walk, rule)) && !go_on(walk);
	}
}
