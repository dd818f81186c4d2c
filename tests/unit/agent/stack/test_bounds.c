/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a walk may read: a stack between two pages that fault, made-up rules, and in turn each
 * way to be led off it. Words beyond the stack's end that can be read lead on for ever, so a
 * walk that gets there runs into the page that can't.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "scene.h"
#include "stack/rules.h"
#include "support/unit.h"
#include "wire/record.h"

#define PAGE 4096u
#define WORDS (PAGE / 8)

/* Made-up addresses, told apart by the rules that they get. */
enum {
	CODE_SP = 0x6000,     /* CFA = rsp + 8: each word is a frame */
	CODE_WIDE = 0x6100,   /* CFA = rsp + 800 */
	CODE_FRAME = 0x6200,  /* the usual frame pointer */
	CODE_BP = 0x6300,     /* CFA = rbp + 16, rbp stays */
	CODE_DEREF = 0x6400,  /* CFA = *(rbp - 8) */
	CODE_SIGNAL = 0x6500, /* the kernel's signal frame */
	CODE_UNKNOWN = 0x6600 /* without unwind information */
};

static struct csa_walk walk;

/*
 * A page that faults, one that can be read, one that faults; two that can be read, one that
 * faults. The stack is the first half of the two.
 */
static uint64_t *below, *stack, *end;

static int start(void **state)
{
	char *room = mmap(NULL, 6 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(room, MAP_FAILED);
	mprotect(room + PAGE, PAGE, PROT_READ | PROT_WRITE);
	mprotect(room + 3 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE);
	below = (uint64_t *)(room + PAGE);
	stack = (uint64_t *)(room + 3 * PAGE);
	end = stack + WORDS;
	for (unsigned i = 0; i < WORDS; i++)
		below[i] = stack[i] = end[i] = CODE_SP;
	scene_start(1 << 20, CS_STACK_DEPTH_MAX, true);
	csa_rules_put(CODE_SP, csa_rule(CSA_RULE_SP, 1, 0));
	csa_rules_put(CODE_WIDE, csa_rule(CSA_RULE_SP, 100, 0));
	csa_rules_put(CODE_FRAME, CSA_RULE_FRAME);
	csa_rules_put(CODE_BP, csa_rule(CSA_RULE_BP, 2, 0));
	csa_rules_put(CODE_DEREF, csa_rule(CSA_RULE_BP_DEREF, (uint64_t)-1, 0));
	csa_rules_put(CODE_SIGNAL, csa_rule(CSA_RULE_SIGNAL, 0, 0));
	return 0;
}

static int stop(void **state)
{
	(void)state;
	return munmap((char *)below - PAGE, 6 * PAGE);
}

static uint64_t address(const uint64_t *word)
{
	return (uint64_t)word;
}

/* Walks from there; the stack must be cut after so many FRAMES. */
static void cut_after(uint64_t pc, uint64_t sp, uint64_t bp, uint32_t frames)
{
	struct csa_frame at = {pc, sp, bp};

	memset(&walk, 0, sizeof(walk));
	if (!csa_walk(&walk, &at, address(stack), address(end)))
		csa_walk_finish(&walk);
	assert_int_equal(walk.count, frames + 1);
	assert_int_equal(walk.frames[0].pc, CS_PC_CUT_UNKNOWN);
}

static void frames_stay_on_the_stack(void **state)
{
	(void)state;
	cut_after(CODE_SP, address(end - 3), 0, 4);
	cut_after(CODE_WIDE, address(end - 99), 0, 1);
	end[-151] = end[-51] = CODE_WIDE;
	cut_after(CODE_WIDE, address(end - 250), 0, 3);
}

static void frame_pointers_stay_on_the_stack(void **state)
{
	(void)state;
	for (int i = -1; i < 2 * (int)PAGE; i += 64) {
		cut_after(CODE_FRAME, address(end - 10), address(end) + (uint64_t)i, 1);
		cut_after(CODE_BP, address(end - 10), address(end) + (uint64_t)i, 1);
	}
	cut_after(CODE_FRAME, address(end - 10), address(end - 1), 1);
	cut_after(CODE_FRAME, address(end - 10), address(end), 1);
	/* Below the stack pointer there are no frames. */
	cut_after(CODE_FRAME, address(end - 10), address(end - 13), 1);
	cut_after(CODE_FRAME, address(end - 10), address(below), 1);
	cut_after(CODE_BP, address(end - 10), address(end - 13), 1);
	cut_after(CODE_BP, address(end - 10), address(below), 1);
}

/* A realigned frame's CFA is loaded from where rbp says, and may be anything itself. */
static void realigned_frames_stay_on_the_stack(void **state)
{
	const uint64_t wrong[] = {0,
	                          8,
	                          address(below),
	                          address(stack - 1),
	                          address(end - 12),
	                          address(end + 1),
	                          address(end + WORDS),
	                          address(end) - 4,
	                          (uint64_t)-8};

	(void)state;
	cut_after(CODE_DEREF, address(end - 10), address(end + 1), 1);
	cut_after(CODE_DEREF, address(end - 10), address(end + WORDS + 1), 1);
	cut_after(CODE_DEREF, address(end - 10), address(below), 1);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		end[-6] = wrong[i];
		cut_after(CODE_DEREF, address(end - 10), address(end - 5), 1);
	}
	end[-6] = address(end - 2);
	end[-3] = CODE_SP;
	cut_after(CODE_DEREF, address(end - 10), address(end - 5), 4);
}

static void guesses_stay_on_the_stack(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WORDS; i++)
		end[i] = (uint64_t)getenv; /* code of a module that leads nowhere */
	cut_after(CODE_UNKNOWN, address(end - 10), address(end - 1), 1);
	cut_after(CODE_UNKNOWN, address(end - 10), address(end + 6), 1);
	cut_after(CODE_UNKNOWN, address(end - 10), address(end + WORDS), 1);
	cut_after(CODE_UNKNOWN, address(end - 10), address(below), 1);
}

/* The kernel's frame at the stack's low end: it interrupted PC with SP and BP. */
static void interrupt(uint64_t pc, const uint64_t *sp, const uint64_t *bp)
{
	stack[15] = address(bp);
	stack[20] = address(sp);
	stack[21] = pc - 1;
}

/*
 * The words of an interrupted frame are read through the kernel wherever they are: what they
 * lead to is on the stack, or is no stack.
 */
static void interrupted_frames_stay_on_the_stack(void **state)
{
	(void)state;
	interrupt(CODE_FRAME, end - 4, end - 4);
	end[-3] = CODE_SP;
	cut_after(CODE_SIGNAL, address(stack), 0, 5);
	interrupt(CODE_FRAME, end - 4, end + 8);
	cut_after(CODE_SIGNAL, address(stack), 0, 2);
	interrupt(CODE_FRAME, end - 4, below + WORDS - 40);
	cut_after(CODE_SIGNAL, address(stack), 0, 2);
	interrupt(CODE_FRAME, end - 4, end - 20);
	cut_after(CODE_SIGNAL, address(stack), 0, 2);
}

/* What was interrupted ran on another stack, as far as it can be read. */
static void what_was_interrupted_may_be_elsewhere(void **state)
{
	(void)state;
	interrupt(CODE_SP, below + WORDS - 6, NULL);
	cut_after(CODE_SIGNAL, address(stack), 0, 8);
	interrupt(CODE_SP, end + WORDS - 6, NULL);
	cut_after(CODE_SIGNAL, address(stack), 0, 8);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_stay_on_the_stack),
		TEST(frame_pointers_stay_on_the_stack),
		TEST(realigned_frames_stay_on_the_stack),
		TEST(guesses_stay_on_the_stack),
		TEST(interrupted_frames_stay_on_the_stack),
		TEST(what_was_interrupted_may_be_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
