/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks that reuse the last stack, and stacks that are recognised, against walks that begin
 * anew, over stacks made of plain memory and invented rules: frames are pushed, popped and
 * spoilt at random.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "scene.h"
#include "stack/known.h"
#include "stack/memo.h"
#include "stack/modules.h"
#include "stack/rules.h"
#include "support/unit.h"
#include "wire/record.h"

#define WORDS 4096
#define CODES 96
#define USUAL 32 /* of them, the last ones, keep frame pointers as compilers do */
#define LIVE_MAX 90
#define SECONDS 4
#define LEAST 10240u

struct code {
	uint64_t pc;
	enum csa_rule_kind kind;
	uint64_t words; /* of the CFA */
	uint64_t bp_words;
};

struct live {
	struct csa_frame at;
	uint64_t bp_slot;
};

static uint64_t memory[WORDS] __attribute__((aligned(64)));
static struct code codes[CODES];
static struct live lives[LIVE_MAX + 1];
static unsigned live_count;
static struct csa_walk reusing, fresh, changed;
static uint64_t seed;
static uint64_t recognised;

static uint64_t draw(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

static void invent_codes(void)
{
	for (unsigned i = 0; i < CODES; i++) {
		struct code *code = &codes[i];

		code->pc = UINT64_C(0x100000) + i * 0x10018;
		if (i >= CODES - USUAL) {
			code->kind = CSA_RULE_BP;
			code->words = code->bp_words = 2;
			csa_rules_put(code->pc, CSA_RULE_FRAME);
			continue;
		}
		code->kind = i == 0        ? CSA_RULE_END
		             : i % 16 == 5 ? CSA_RULE_BP_DEREF
		             : i % 3 == 0  ? CSA_RULE_BP
		                           : CSA_RULE_SP;
		code->words = code->kind == CSA_RULE_BP_DEREF ? (uint64_t)-1 : 2 + draw(12);
		code->bp_words = code->kind == CSA_RULE_BP_DEREF || draw(3) == 0
		                         ? 0
		                         : 2 + draw(code->words - 1);
		csa_rules_put(code->pc, csa_rule(code->kind, code->words, code->bp_words));
	}
}

static uint64_t *word(uint64_t address)
{
	return (uint64_t *)address;
}

/* Calls a function from the innermost frame. */
static void push(const struct code *code)
{
	const struct csa_frame *caller = &lives[live_count - 1].at;
	struct live *live = &lives[live_count];
	uint64_t top = caller->sp;

	*word(top - 8) = caller->pc;
	live->bp_slot = code->bp_words ? top - 8 * code->bp_words : 0;
	live->at.pc = code->pc;
	live->at.bp = draw(2) ? caller->bp : draw(4) ? top - 8 * draw(40) : draw(UINT64_MAX);
	if (code->kind == CSA_RULE_SP) {
		live->at.sp = top - 8 * code->words;
		if (!code->bp_words)
			live->at.bp = caller->bp;
	} else if (code->kind == CSA_RULE_BP) {
		live->at.bp = top - 8 * code->words;
		live->at.sp = live->at.bp - 8 * draw(6);
	} else {
		live->at.bp = top - 8 * (3 + draw(4));
		live->at.sp = live->at.bp - 8 * (1 + draw(6));
		live->bp_slot = live->at.bp;
		*word(live->at.bp - 8) = top;
	}
	if (live->at.sp < (uint64_t)&memory[64])
		return;
	if (live->bp_slot)
		*word(live->bp_slot) = caller->bp;
	live_count++;
}

static void restart(void)
{
	live_count = 1;
	lives[0].at = (struct csa_frame){codes[0].pc, (uint64_t)&memory[WORDS], 0};
}

static void spoil(void)
{
	uint64_t from = lives[live_count - 1].at.sp;
	uint64_t *at = word(from + 8 * draw(((uint64_t)&memory[WORDS] - from) / 8));
	const struct live *live = &lives[1 + draw(live_count - 1)];

	switch (draw(4)) {
	case 0: /* another caller with the same frame */
		*word(lives[draw(live_count - 1)].at.sp - 8) = codes[draw(CODES)].pc;
		break;
	case 1:
		if (live->bp_slot)
			*word(live->bp_slot) = from + 8 * draw(60);
		break;
	case 2:
		*at = draw(2) ? from + 8 * draw(200) : draw(UINT64_MAX);
		break;
	default:
		*at = 0;
	}
}

static uint64_t walk(struct csa_walk *walk, const struct csa_frame *at)
{
	if (!csa_walk(walk, at, (uint64_t)memory, (uint64_t)&memory[WORDS]))
		csa_walk_finish(walk);
	return walk->count;
}

static uint64_t find(const struct csa_frame *at, struct csa_memo_place *place)
{
	return csa_memo_find(at, (uint64_t)memory, (uint64_t)&memory[WORDS], fresh.epoch, place);
}

/* Some word is another for a while: is the stack still what it was? */
static void find_spoilt(const struct csa_frame *at)
{
	uint64_t *spoilt = &memory[WORDS - 1 - draw(((uint64_t)&memory[WORDS] - at->sp) / 8)];
	uint64_t was = *spoilt, name;
	struct csa_memo_place place;

	*spoilt = draw(2) ? memory[WORDS - 1 - draw(WORDS - 64)] : was + 8 - draw(3) * 8;
	name = find(at, &place);
	if (name) {
		changed.count = changed.reusable = 0;
		walk(&changed, at);
		assert_int_equal(name, changed.frames[changed.count - 1].hash);
	}
	*spoilt = was;
}

/* What is recognised has the name that a walk gives; what is not, is from now on. */
static void recognise(const struct csa_frame *at)
{
	uint64_t name = fresh.frames[fresh.count - 1].hash, found;
	struct csa_memo_place place;

	if (draw(500) == 0)
		csa_memo_forget();
	found = find(at, &place);
	assert_true(found == 0 || found == name);
	csa_known_add(name);
	csa_memo_add(&reusing, &place, 1);
	found = find(at, &place);
	assert_true(found == 0 || found == name);
	recognised += found != 0;
	if (found)
		find_spoilt(at);
}

static void compare(const struct csa_frame *at)
{
	fresh.count = fresh.reusable = 0;
	walk(&reusing, at);
	walk(&fresh, at);
	assert_int_equal(reusing.count, fresh.count);
	for (uint32_t i = 0; i < fresh.count; i++) {
		assert_int_equal(reusing.frames[i].pc, fresh.frames[i].pc);
		assert_int_equal(reusing.frames[i].hash, fresh.frames[i].hash);
	}
	assert_int_equal(reusing.cut, fresh.cut);
	assert_true(fresh.count <= csa_walk_depth_max + 2);
	recognise(at);
}

/* Any, or in long runs those with usual frame pointers. */
static const struct code *any_code(bool usual)
{
	return &codes[usual ? CODES - 1 - draw(USUAL) : 1 + draw(CODES - 1)];
}

static void churn(unsigned spoilt_in_1000)
{
	time_t end = time(NULL) + SECONDS;
	uint64_t rounds = 0, reused = 0;

	restart();
	/* A machine that is slow and busy needs longer than that for enough of them. */
	while (rounds % 1024 || rounds < LEAST || time(NULL) < end) {
		uint64_t pops = draw(3) ? draw(4) : draw(live_count);
		uint64_t pushes = draw(8);

		live_count -= (unsigned)(pops < live_count ? pops : live_count - 1);
		while (pushes-- && live_count < LIVE_MAX)
			push(any_code(rounds & 512));
		if (live_count > 1 && draw(1000) < spoilt_in_1000)
			spoil();
		compare(&lives[live_count - 1].at);
		reused += reusing.fresh_count < fresh.fresh_count;
		rounds++;
		if (spoilt_in_1000 && draw(50) == 0)
			restart();
	}
	print_message("%lu stacks, %lu with reuse, %lu recognised\n", rounds, reused, recognised);
	assert_true(reused > rounds / 4);
	assert_true(recognised > rounds / 4);
}

static void begin(uint32_t depth_max)
{
	scene_start(1 << 20, depth_max, true);
	memset(&reusing, 0, sizeof(reusing));
	memset(&fresh, 0, sizeof(fresh));
	memset(&changed, 0, sizeof(changed));
	seed = 88172645463325252;
	recognised = 0;
	invent_codes();
}

static void reuse_gives_what_a_walk_gives(void **state)
{
	(void)state;
	begin(128);
	churn(0);
}

static void also_on_spoilt_stacks(void **state)
{
	(void)state;
	begin(128);
	churn(300);
}

static void also_where_stacks_are_cut(void **state)
{
	(void)state;
	begin(24);
	churn(100);
}

/* A saved rbp that changes under the same return addresses moves the frame outside of it. */
static void a_changed_rbp_is_seen(void **state)
{
	uint64_t *top = &memory[WORDS];
	struct csa_frame at;

	(void)state;
	begin(128);
	csa_rules_put(0x7000, csa_rule(CSA_RULE_SP, 4, 2));
	csa_rules_put(0x8010, csa_rule(CSA_RULE_BP, 2, 2));
	csa_rules_put(0x9020, csa_rule(CSA_RULE_END, 0, 0));
	csa_rules_put(0xa030, csa_rule(CSA_RULE_END, 0, 0));
	memset(memory, 0, sizeof(memory));
	at = (struct csa_frame){0x7000, (uint64_t)(top - 40), 1};
	top[-37] = 0x8010;               /* return address of the first frame */
	top[-38] = (uint64_t)(top - 20); /* and its caller's rbp */
	top[-19] = 0x9020;
	top[-9] = 0xa030;
	compare(&at);
	assert_int_equal(fresh.frames[0].pc, 0x9020);
	top[-38] = (uint64_t)(top - 10);
	compare(&at);
	assert_int_equal(fresh.frames[0].pc, 0xa030);
}

/* A frame and its caller's, which is realigned: where that ends, the word at TOP[-41] says. */
static struct csa_frame begin_realigned(uint64_t *top)
{
	begin(128);
	csa_rules_put(0x6000, csa_rule(CSA_RULE_SP, 2, 0));
	csa_rules_put(0x7010, csa_rule(CSA_RULE_BP_DEREF, (uint64_t)-1, 0));
	csa_rules_put(0x9020, csa_rule(CSA_RULE_END, 0, 0));
	csa_rules_put(0xa030, csa_rule(CSA_RULE_END, 0, 0));
	memset(memory, 0, sizeof(memory));
	top[-49] = 0x7010;
	top[-21] = 0x9020;
	top[-11] = 0xa030;
	return (struct csa_frame){0x6000, (uint64_t)(top - 50), (uint64_t)(top - 40)};
}

static void a_changed_realigned_frame_is_seen(void **state)
{
	uint64_t *top = &memory[WORDS];
	struct csa_frame at = begin_realigned(top);

	(void)state;
	top[-41] = (uint64_t)(top - 20);
	compare(&at);
	assert_int_equal(fresh.frames[0].pc, 0x9020);
	top[-41] = (uint64_t)(top - 10);
	compare(&at);
	assert_int_equal(fresh.frames[0].pc, 0xa030);
}

/* Without a good CFA the stack is cut; with one it goes on. */
static void a_repaired_realigned_frame_is_seen(void **state)
{
	uint64_t *top = &memory[WORDS];
	struct csa_frame at = begin_realigned(top);

	(void)state;
	top[-41] = 3;
	compare(&at);
	assert_int_equal(fresh.frames[0].pc, CS_PC_CUT_UNKNOWN);
	top[-41] = (uint64_t)(top - 20);
	compare(&at);
	assert_int_equal(fresh.frames[0].pc, 0x9020);
}

/* So is a return address 0, which ends a stack, that becomes another. */
static void an_end_that_moves_is_seen(void **state)
{
	uint64_t *top = &memory[WORDS];
	struct csa_frame at;

	(void)state;
	begin(128);
	csa_rules_put(0x6000, csa_rule(CSA_RULE_SP, 2, 0));
	csa_rules_put(0x9020, csa_rule(CSA_RULE_END, 0, 0));
	memset(memory, 0, sizeof(memory));
	at = (struct csa_frame){0x6000, (uint64_t)(top - 50), 0};
	compare(&at);
	compare(&at);
	assert_int_equal(fresh.count, 1);
	assert_int_equal(reusing.fresh_count, 0);
	top[-49] = 0x9020;
	compare(&at);
	assert_int_equal(fresh.count, 2);
}

static void check_cut(struct csa_frame at, uint32_t frames)
{
	compare(&at);
	assert_int_equal(fresh.frames[0].pc, CS_PC_CUT_UNKNOWN);
	assert_int_equal(fresh.count, frames + 1);
	/* The same where nothing is known of the stack. */
	fresh.count = fresh.reusable = 0;
	if (!csa_walk(&fresh, &at, 0, 0))
		csa_walk_finish(&fresh);
	assert_int_equal(fresh.frames[0].pc, CS_PC_CUT_UNKNOWN);
	assert_int_equal(fresh.count, frames + 1);
}

static void broken_frame_pointers_cut(void **state)
{
	uint64_t sp = (uint64_t)&memory[1000];
	const uint64_t bps[] = {sp + 4,
	                        sp - 8,
	                        sp - 800,
	                        sp - 16,
	                        0,
	                        8,
	                        (uint64_t)-8,
	                        (uint64_t)-16,
	                        (uint64_t)-24,
	                        1ul << 63,
	                        1ul << 47,
	                        (uint64_t)memory - 4096};

	(void)state;
	begin(128);
	csa_rules_put(0x6000, csa_rule(CSA_RULE_BP, 2, 2));
	csa_rules_put(0x7010, csa_rule(CSA_RULE_BP_DEREF, (uint64_t)-1, 0));
	for (size_t i = 0; i < WORDS; i++)
		memory[i] = i % 2 ? 0x6000 : (uint64_t)&memory[i]; /* an endless chain */
	for (size_t i = 0; i < sizeof(bps) / sizeof(*bps); i++)
		check_cut((struct csa_frame){0x6000, sp, bps[i]}, 1);
	for (size_t i = 4; i < sizeof(bps) / sizeof(*bps); i++)
		check_cut((struct csa_frame){0x7010, sp, bps[i]}, 1);
}

/* A new fcontext's function returns to where rbp says: that is its end. */
static void an_fcontext_ends(void **state)
{
	struct csa_frame at = {0x12345678, (uint64_t)&memory[WORDS - 4], 0x12345678};

	(void)state;
	begin(128);
	compare(&at);
	assert_int_equal(fresh.count, 1);
	assert_false(fresh.cut);
}

/* The block of an ended thread goes to another, whose stack may end elsewhere. */
static void another_stack_reuses_nothing(void **state)
{
	(void)state;
	begin(128);
	restart();
	for (int i = 0; i < 20; i++)
		push(&codes[1]);
	compare(&lives[live_count - 1].at);
	assert_true(reusing.reusable > 0);
	csa_walk(&reusing, &lives[live_count - 1].at, (uint64_t)memory,
	         (uint64_t)&memory[WORDS - 8]);
	assert_true(reusing.fresh_count > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reuse_gives_what_a_walk_gives),
		cmocka_unit_test(also_on_spoilt_stacks),
		cmocka_unit_test(also_where_stacks_are_cut),
		cmocka_unit_test(a_changed_rbp_is_seen),
		cmocka_unit_test(a_changed_realigned_frame_is_seen),
		cmocka_unit_test(another_stack_reuses_nothing),
		cmocka_unit_test(a_repaired_realigned_frame_is_seen),
		cmocka_unit_test(an_end_that_moves_is_seen),
		cmocka_unit_test(broken_frame_pointers_cut),
		cmocka_unit_test(an_fcontext_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
