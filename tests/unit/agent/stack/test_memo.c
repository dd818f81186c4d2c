/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks that are recognised: on whichever stack they stand, after any change that matters,
 * by many threads at once. That what is recognised is what a walk gives is in test_reuse.c.
 */
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "scene.h"
#include "stack/known.h"
#include "stack/memo.h"
#include "stack/recognise.h"
#include "stack/rules.h"
#include "stack/walk.h"
#include "support/unit.h"
#include "wire/record.h"

#define WORDS 512
#define FRAMES 20
#define CODES 32

/* A stack of FRAMES frames: word 0 is the lowest, its end is the end of `words`. */
struct stack {
	uint64_t words[WORDS] __attribute__((aligned(64)));
	struct csa_frame at;
	struct csa_walk walk;
	uint64_t slots[FRAMES]; /* of return addresses */
};

static struct stack one, other;

static uint64_t code(unsigned i)
{
	return UINT64_C(0x200000) + i * 0x10018;
}

/* Even codes keep a frame pointer, odd ones have frames of SIZE words; code 0 is the end. */
static void invent_rules(unsigned size)
{
	csa_rules_put(code(0), csa_rule(CSA_RULE_END, 0, 0));
	for (unsigned i = 1; i < CODES; i++)
		csa_rules_put(code(i),
		              i % 2 ? csa_rule(CSA_RULE_SP, size + (i & 2), 0) : CSA_RULE_FRAME);
}

/* Frames by the digits of PATH, base CODES/2, outermost first. */
static void build(struct stack *stack, uint64_t path, unsigned size)
{
	uint64_t *top = &stack->words[WORDS];
	uint64_t pc = code(0), bp = 0;

	for (unsigned i = 0; i < FRAMES; i++) {
		unsigned next = 1 + (unsigned)(path >> i * 3) % 8;

		stack->slots[i] = (uint64_t)--top;
		*top = pc;
		pc = code(next);
		if (next % 2) {
			top -= size + (next & 2) - 1;
		} else {
			*--top = bp;
			bp = (uint64_t)top;
			top -= 2;
		}
	}
	stack->at = (struct csa_frame){pc, (uint64_t)top, bp};
}

static uint64_t low_of(const struct stack *stack)
{
	return (uint64_t)stack->words;
}

static uint64_t high_of(const struct stack *stack)
{
	return (uint64_t)&stack->words[WORDS];
}

static uint64_t find(const struct stack *stack, struct csa_memo_place *place)
{
	return csa_memo_find(&stack->at, low_of(stack), high_of(stack), 1, place);
}

static uint64_t walk(struct stack *stack)
{
	assert_true(csa_walk(&stack->walk, &stack->at, low_of(stack), high_of(stack)));
	return stack->walk.frames[stack->walk.count - 1].hash;
}

static uint64_t learn(struct stack *stack)
{
	struct csa_memo_place place;
	uint64_t name;

	assert_int_equal(find(stack, &place), 0);
	name = walk(stack);
	csa_known_add(name);
	csa_memo_add(&stack->walk, &place, 1);
	return name;
}

static int start(void **state)
{
	(void)state;
	scene_start(1 << 20, 128, true);
	memset(&one, 0, sizeof(one));
	memset(&other, 0, sizeof(other));
	invent_rules(4);
	return 0;
}

static void a_stack_is_recognised_the_second_time(void **state)
{
	struct csa_memo_place place;

	(void)state;
	build(&one, 0x123456789abcdef, 4);
	uint64_t name = learn(&one);

	assert_int_equal(find(&one, &place), name);
	assert_int_equal(one.walk.count, FRAMES + 1);
}

/* Frame pointers are other numbers there, but lead to the same frames. */
static void also_on_another_stack(void **state)
{
	struct csa_memo_place place;

	(void)state;
	build(&one, 0x876543210fedcba, 4);
	build(&other, 0x876543210fedcba, 4);
	uint64_t name = learn(&one);

	assert_int_equal(find(&other, &place), name);
	assert_int_equal(walk(&other), name);
}

static void a_changed_return_address_is_seen(void **state)
{
	struct csa_memo_place place;

	(void)state;
	build(&one, 0x123456789abcdef, 4);
	learn(&one);
	for (unsigned i = 0; i < FRAMES; i++) {
		uint64_t *slot = (uint64_t *)one.slots[i];
		uint64_t was = *slot;

		for (unsigned bit = 0; bit < 64; bit++) {
			*slot = was ^ UINT64_C(1) << bit;
			assert_int_equal(find(&one, &place), 0);
		}
		*slot = was;
		assert_int_not_equal(find(&one, &place), 0);
	}
}

static void a_changed_frame_pointer_is_seen(void **state)
{
	struct csa_memo_place place;

	(void)state;
	build(&one, 0, 4);
	one.at.pc = code(2);
	for (unsigned i = 0; i < FRAMES; i++) { /* all with frame pointers */
		uint64_t *base = &one.words[WORDS - 2 - 4 * i];

		base[1] = i ? code(2) : code(0);
		base[0] = i ? (uint64_t)&base[4] : 0;
		one.at.bp = (uint64_t)base;
		one.at.sp = (uint64_t)(base - 2);
	}
	uint64_t name = learn(&one);

	for (unsigned i = 1; i < FRAMES; i++) {
		uint64_t *base = &one.words[WORDS - 2 - 4 * i];

		base[0] += 8;
		assert_int_equal(find(&one, &place), 0);
		base[0] -= 8;
		assert_int_equal(find(&one, &place), name);
	}
	/* The outermost one leads nowhere: whatever it is. */
	one.words[WORDS - 2] = 77;
	assert_int_equal(find(&one, &place), name);
	one.at.bp -= 32;
	assert_int_equal(find(&one, &place), 0);
}

/* Slots above the end of the stack are not read, or this would crash. */
static void a_shorter_stack_is_not_looked_at_beyond_its_end(void **state)
{
	struct csa_memo_place place;

	(void)state;
	build(&one, 0x123456789abcdef, 4);
	learn(&one);
	uint64_t high = one.at.sp + 64, depth = high_of(&one) - one.at.sp;

	assert_int_equal(csa_memo_find(&one.at, low_of(&one), high, 1, &place), 0);
	one.at.sp = 64 - depth; /* as deep, but nothing can be read there */
	assert_int_equal(csa_memo_find(&one.at, 8, 64, 1, &place), 0);
}

/*
 * Stacks are told apart by their depth first, but two depths may meet in one bucket: here the
 * frames end far below the end of the stack that they were learned on.
 */
static void nor_is_one_that_is_found_by_chance(void **state)
{
	struct csa_memo_place place;
	struct csa_frame *at = &one.at;
	uint64_t deep = 0, low = low_of(&one);

	(void)state;
	build(&one, 0x123456789abcdef, 4);
	uint64_t shallow = at->sp + 64;

	for (uint64_t high = high_of(&one); !deep; high += 8)
		if (csa_memo_bucket_of(at, high) == csa_memo_bucket_of(at, shallow))
			deep = high;
	assert_int_equal(csa_memo_find(at, low, deep, 1, &place), 0);
	assert_true(csa_walk(&one.walk, at, low, deep));
	csa_memo_add(&one.walk, &place, 1);
	assert_int_not_equal(csa_memo_find(at, low, deep, 1, &place), 0);
	assert_int_equal(csa_memo_find(at, low, shallow, 1, &place), 0);
}

/* Rules change with the epoch; so may whatever was seen through them. */
static void another_epoch_knows_nothing(void **state)
{
	struct csa_memo_place place;

	(void)state;
	build(&one, 0x123456789abcdef, 4);
	learn(&one);
	assert_int_equal(csa_memo_find(&one.at, low_of(&one), high_of(&one), 2, &place), 0);
}

/* A fork's reader has been told of nothing. */
static void a_new_start_knows_nothing(void **state)
{
	struct csa_memo_place place;

	(void)state;
	build(&one, 0x123456789abcdef, 4);
	learn(&one);
	atomic_store(&csa_memo.owner, 5); /* a thread of the parent was adding: it is not here */
	assert_int_equal(csa_memo_start(), 0);
	assert_int_equal(find(&one, &place), 0);
	csa_memo_add(&one.walk, &place, 1);
	assert_int_not_equal(find(&one, &place), 0);
}

static void a_stack_cut_for_its_depth_is_not_learned(void **state)
{
	struct csa_memo_place place;

	(void)state;
	build(&one, 0x123456789abcdef, 4);
	csa_walk_depth_max = FRAMES;
	learn(&one);
	assert_int_equal(find(&one, &place), 0);
	csa_walk_depth_max = FRAMES + 1;
	learn(&one);
	assert_int_not_equal(find(&one, &place), 0);
	csa_walk_depth_max = FRAMES;
	assert_int_equal(find(&one, &place), 0);
}

/* Whoever was thrown out while adding must not keep all others from it for ever. */
static void who_left_is_not_waited_for(void **state)
{
	struct csa_memo_place place;

	(void)state;
	build(&one, 0x123456789abcdef, 4);
	atomic_store(&csa_memo.owner, 5);
	learn(&one);
	assert_int_equal(find(&one, &place), 0);
	csa_memo_abandon(6);
	assert_int_equal(atomic_load(&csa_memo.owner), 5);
	csa_memo_abandon(5);
	learn(&one);
	assert_int_not_equal(find(&one, &place), 0);
}

/* Many paths through frames of different sizes, all as deep: from some frame on they part. */
static void many_shapes_are_told_apart(void **state)
{
	struct csa_memo_place place;
	uint64_t names[16] = {0}, found = 0;

	(void)state;
	for (int round = 0; round < 6; round++) {
		for (uint64_t i = 0; i < 16; i++) {
			uint64_t path = 0, have;

			for (unsigned bit = 0; bit < 4; bit++) /* 1, 3 in either order */
				path |= (i >> bit & 1 ? UINT64_C(020) : UINT64_C(002))
				        << (36 + bit * 6);
			build(&one, path, 4);
			have = find(&one, &place);
			found += have != 0;
			assert_true(have == 0 || have == names[i]);
			if (!have) {
				names[i] = walk(&one);
				csa_known_add(names[i]);
				csa_memo_add(&one.walk, &place, 1);
			}
		}
	}
	assert_true(found > 32);
}

/* The second of both tables of names comes into use under way, and nothing is lost by it. */
static void names_stay_known_when_their_table_grows(void **state)
{
	uint64_t name = 1, count = 0;

	(void)state;
	csa_known_clear();
	for (uint64_t i = 0; i < 40000; i++)
		csa_known_add(name = cs_stack_hash(name, i));
	assert_true(atomic_load(&csa_known.grown));
	name = 1;
	for (uint64_t i = 0; i < 40000; i++)
		count += csa_known_has(name = cs_stack_hash(name, i));
	assert_true(count > 39000);
	csa_known_clear();
	name = 1;
	for (uint64_t i = 0; i < 40000; i++)
		assert_false(csa_known_has(name = cs_stack_hash(name, i)));
}

/* ---- threads ---- */

#define RACE_STACKS 20000u
#define ENOUGH (RACE_STACKS / 4)

static pthread_barrier_t both;

/* COUNT stacks, of FEW that are met again and again or of too many. Those recognised, or WRONG. */
#define WRONG UINT64_MAX

static uint64_t meet(struct stack *stack, uint64_t *random, unsigned count, bool few)
{
	uint64_t same = 0;

	for (unsigned i = 0; i < count; i++) {
		struct csa_memo_place place;
		uint64_t found, name;

		*random = *random * UINT64_C(6364136223846793005) + 1442695040888963407u;
		build(stack, few ? *random >> 58 << 54 : *random >> 4, 4);
		found = find(stack, &place);
		stack->walk.count = stack->walk.reusable = 0;
		name = walk(stack);
		if (found && found != name)
			return WRONG;
		same += found != 0;
		csa_known_add(name);
		if (!found)
			csa_memo_add(&stack->walk, &place, (uint64_t)stack);
	}
	return same;
}

/*
 * Few stacks until enough were recognised: nobody learns while one who does waits for a
 * processor. Then, when both have come so far, so many that shapes are overwritten under way.
 */
static void *race(void *argument)
{
	struct stack *stack = argument;
	static char wrong[] = "a stack that is another one", nothing[] = "nothing was learned";
	uint64_t random = (uint64_t)stack, same = 0, now = 0;

	for (unsigned tries = 0; tries < 50 && same < ENOUGH && now != WRONG; tries++)
		same += now = meet(stack, &random, RACE_STACKS, true);
	pthread_barrier_wait(&both);
	if (now == WRONG || meet(stack, &random, RACE_STACKS / 2, false) == WRONG)
		return wrong;
	return same < ENOUGH ? nothing : NULL;
}

static void threads_learn_from_each_other(void **state)
{
	pthread_t thread;
	void *result;

	(void)state;
	pthread_barrier_init(&both, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, race, &one), 0);
	assert_ptr_equal(race(&other), NULL);
	pthread_join(thread, &result);
	assert_ptr_equal(result, NULL);
	pthread_barrier_destroy(&both);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_stack_is_recognised_the_second_time, start),
		cmocka_unit_test_setup(also_on_another_stack, start),
		cmocka_unit_test_setup(a_changed_return_address_is_seen, start),
		cmocka_unit_test_setup(a_changed_frame_pointer_is_seen, start),
		cmocka_unit_test_setup(a_shorter_stack_is_not_looked_at_beyond_its_end, start),
		cmocka_unit_test_setup(nor_is_one_that_is_found_by_chance, start),
		cmocka_unit_test_setup(another_epoch_knows_nothing, start),
		cmocka_unit_test_setup(a_new_start_knows_nothing, start),
		cmocka_unit_test_setup(a_stack_cut_for_its_depth_is_not_learned, start),
		cmocka_unit_test_setup(who_left_is_not_waited_for, start),
		cmocka_unit_test_setup(many_shapes_are_told_apart, start),
		cmocka_unit_test_setup(names_stay_known_when_their_table_grows, start),
		cmocka_unit_test_setup(threads_learn_from_each_other, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
